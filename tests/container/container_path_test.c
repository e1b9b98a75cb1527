#include "container/container_path.h"

#include <criterion/criterion.h>
#include <string.h>

/* Shapes that runtimes and hosts really have; ids are made up. */

#define A "4f57c1af3f04fb5c9ef1734e1c399865d1d9e2b7a0c84f6f2a5c1b3e7d90aa01"
#define B "b0c4a1d2e3f405162738495a6b7c8d9eaf01b2c3d4e5f60718293a4b5c6d7e8f"
#define P "6a1f0c52-6f3e-4e0b-9c1e-0d2b7f1c8a55"
#define Q "6a1f0c52_6f3e_4e0b_9c1e_0d2b7f1c8a55"

struct shape {
	const char *path;
	const char *id; /* NULL: no container */
	enum container_runtime runtime;
	unsigned int depth; /* 0: 1 */
};

static const struct shape shapes[] = {
	/* Docker, cgroupfs driver: with and without a parent, cgroup v1 and v2, and what runs below it */
	{"/docker/" A, A, CONTAINER_RUNTIME_DOCKER, 0},
	{"/docker/" A "/init.scope", A, CONTAINER_RUNTIME_DOCKER, 0},
	{"/docker/" A "/system.slice/nginx.service", A, CONTAINER_RUNTIME_DOCKER, 0},
	{"/batch/jobs/" A, A, CONTAINER_RUNTIME_UNKNOWN, 0},
	{"/process_api/4f57c1af3f04fb5c9ef1734e1c399865/docker/" A, A, CONTAINER_RUNTIME_DOCKER, 0},
	/* a reader in a cgroup namespace sees them from its own group */
	{"/../" A, A, CONTAINER_RUNTIME_UNKNOWN, 0},
	{"/../../system.slice/docker-" A ".scope", A, CONTAINER_RUNTIME_DOCKER, 0},
	/* Docker, systemd driver */
	{"/system.slice/docker-" A ".scope", A, CONTAINER_RUNTIME_DOCKER, 0},
	{"/system.slice/docker-" A ".scope/init", A, CONTAINER_RUNTIME_DOCKER, 0},
	{"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" A ".scope", A, CONTAINER_RUNTIME_DOCKER, 0},
	{"/machine.slice/docker-" A ".scope/workers/7", A, CONTAINER_RUNTIME_DOCKER, 0},
	/* runc's cgroupfs driver with what was meant for systemd's */
	{"/system.slice:docker:" A, A, CONTAINER_RUNTIME_DOCKER, 0},
	{"/system.slice/containerd.service/kubepods-besteffort-pod" Q ".slice:cri-containerd:" A, A, CONTAINER_RUNTIME_CONTAINERD, 0},
	/* Kubernetes */
	{"/kubepods/pod" P "/" A, A, CONTAINER_RUNTIME_UNKNOWN, 0},
	{"/kubepods/besteffort/pod" P "/" A, A, CONTAINER_RUNTIME_UNKNOWN, 0},
	{"/kubepods/burstable/pod" P "/crio-" A, A, CONTAINER_RUNTIME_CRIO, 0},
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" Q ".slice/cri-containerd-" A ".scope", A,
	 CONTAINER_RUNTIME_CONTAINERD, 0},
	{"/kubepods.slice/kubepods-pod" Q ".slice/crio-" A ".scope", A, CONTAINER_RUNTIME_CRIO, 0},
	{"/kubepods.slice/kubepods-pod" Q ".slice/crio-" A ".scope/container", A, CONTAINER_RUNTIME_CRIO, 0},
	{"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" Q ".slice/docker-" A ".scope", A, CONTAINER_RUNTIME_DOCKER, 0},
	/* containerd's other clients, ECS */
	{"/system.slice/nerdctl-" A ".scope", A, CONTAINER_RUNTIME_CONTAINERD, 0},
	{"/default/" A, A, CONTAINER_RUNTIME_UNKNOWN, 0},
	{"/ecs/0a1b2c3d4e5f60718293a4b5c6d7e8f9/" A, A, CONTAINER_RUNTIME_UNKNOWN, 0},
	/* Podman: of root and of users, systemd's and its own groups */
	{"/machine.slice/libpod-" A ".scope", A, CONTAINER_RUNTIME_PODMAN, 0},
	{"/machine.slice/libpod-" A ".scope/container", A, CONTAINER_RUNTIME_PODMAN, 0},
	{"/machine.slice/machine-libpod_pod_" B ".slice/libpod-" A ".scope", A, CONTAINER_RUNTIME_PODMAN, 0},
	{"/libpod_parent/libpod-" A, A, CONTAINER_RUNTIME_PODMAN, 0},
	{"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" A ".scope/container", A, CONTAINER_RUNTIME_PODMAN, 0},
	{"/system.slice/web.service/libpod-payload-" A, A, CONTAINER_RUNTIME_PODMAN, 0},
	/* LXC and what manages it: the name is the id */
	{"/lxc/web1", "web1", CONTAINER_RUNTIME_LXC, 0},
	{"/lxc.payload/web1", "web1", CONTAINER_RUNTIME_LXC, 0},
	{"/lxc.payload.web-1.example", "web-1.example", CONTAINER_RUNTIME_LXC, 0},
	{"/lxc.payload.project_web1/system.slice/cron.service", "project_web1", CONTAINER_RUNTIME_LXC, 0},
	{"/user.slice/user-1000.slice/session-2.scope/lxc/mine", "mine", CONTAINER_RUNTIME_LXC, 0},
	/* systemd-nspawn */
	{"/machine.slice/systemd-nspawn@debian.service/payload", "debian", CONTAINER_RUNTIME_NSPAWN, 0},
	{"/machine.slice/systemd-nspawn@debian.service/payload/init.scope", "debian", CONTAINER_RUNTIME_NSPAWN, 0},
	{"/machine.slice/machine-build\\x2droot.scope/payload/system.slice/ssh.service", "build-root", CONTAINER_RUNTIME_NSPAWN, 0},
	/* containers in containers: the innermost one */
	{"/docker/" A "/docker/" B, B, CONTAINER_RUNTIME_DOCKER, 2},
	{"/docker/" A "/kubelet/kubepods/besteffort/pod" P "/" B, B, CONTAINER_RUNTIME_UNKNOWN, 2},
	{"/docker/" A "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" Q ".slice/cri-containerd-" B ".scope", B,
	 CONTAINER_RUNTIME_CONTAINERD, 2},
	{"/lxc.payload.host/docker/" A, A, CONTAINER_RUNTIME_DOCKER, 2},
	{"/machine.slice/libpod-" A ".scope/container/libpod_parent/libpod-" B, B, CONTAINER_RUNTIME_PODMAN, 2},
	{"/kubepods.slice/kubepods-pod" Q ".slice/cri-containerd-" A ".scope/docker/" B "/init.scope", B, CONTAINER_RUNTIME_DOCKER, 2},
	/* the outer one, when what is in it is none */
	{"/docker/" A "/buildkit/w3fq1e8k2m9x0v7c5b4n6z1ls", A, CONTAINER_RUNTIME_DOCKER, 0},
	{"/docker/" A "/machine.slice/libpod-conmon-" B ".scope", A, CONTAINER_RUNTIME_DOCKER, 0},
	{"/docker/" A "/system.slice/" B ".service", A, CONTAINER_RUNTIME_DOCKER, 0},
	/* hosts */
	{"", NULL, 0, 0},
	{"/", NULL, 0, 0},
	{"/..", NULL, 0, 0},
	{"/init.scope", NULL, 0, 0},
	{"/system.slice/docker.service", NULL, 0, 0},
	{"/system.slice/containerd.service", NULL, 0, 0},
	{"/system.slice/docker.socket", NULL, 0, 0},
	{"/user.slice/user-1000.slice/session-3.scope", NULL, 0, 0},
	{"/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-firefox-4711.scope", NULL, 0, 0},
	{"/system.slice/run-r4f57c1af3f04fb5c9ef1734e1c399865.scope", NULL, 0, 0},
	{"/process_api/4f57c1af3f04fb5c9ef1734e1c399865", NULL, 0, 0},
	{"/docker", NULL, 0, 0},
	{"/docker/buildkit", NULL, 0, 0},
	{"/docker/buildkit/w3fq1e8k2m9x0v7c5b4n6z1ls", NULL, 0, 0},
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" Q ".slice", NULL, 0, 0},
	{"/kubepods/burstable/pod" P, NULL, 0, 0},
	{"/system.slice/kubelet.service", NULL, 0, 0},
	/* what runtimes run beside a container */
	{"/machine.slice/libpod-conmon-" A ".scope", NULL, 0, 0},
	{"/libpod_parent/conmon", NULL, 0, 0},
	{"/system.slice/crio-conmon-" A ".scope", NULL, 0, 0},
	{"/kubepods/burstable/pod" P "/crio-conmon-" A, NULL, 0, 0},
	{"/machine.slice/machine-libpod_pod_" A ".slice", NULL, 0, 0},
	{"/system.slice/" A ".service", NULL, 0, 0},
	{"/system.slice/" A "-4f57c1af3f04fb5c.service", NULL, 0, 0},
	{"/system.slice/var-lib-docker-containers-" A "-mounts-shm.mount", NULL, 0, 0},
	{"/lxc.monitor.web1", NULL, 0, 0},
	{"/lxc.monitor/web1", NULL, 0, 0},
	{"/lxc", NULL, 0, 0},
	{"/lxc/", NULL, 0, 0},
	{"/lxc.payload.", NULL, 0, 0},
	{"/lxc.payload.a b", NULL, 0, 0},
	{"/lxc.pivot", NULL, 0, 0},
	{"/machine.slice/systemd-nspawn@debian.service/supervisor", NULL, 0, 0},
	{"/machine.slice/systemd-nspawn@debian.service", NULL, 0, 0},
	{"/machine.slice/machine-qemu\\x2d1\\x2ddebian.scope", NULL, 0, 0},
	{"/machine.slice/machine-qemu\\x2d1\\x2ddebian.scope/libvirt/emulator", NULL, 0, 0},
	{"/system.slice/cron.service/payload", NULL, 0, 0},
	{"/machine.slice/machine-.scope/payload", NULL, 0, 0},
	/* almost an id */
	{"/docker/4F57C1AF3F04FB5C9EF1734E1C399865D1D9E2B7A0C84F6F2A5C1B3E7D90AA01", NULL, 0, 0},
	{"/docker/" A "0", NULL, 0, 0},
	{"/docker/g" A, NULL, 0, 0},
	{"/docker/4f57c1af3f04", NULL, 0, 0},
	{"/system.slice/build-" A ".scope", NULL, 0, 0},
	{"/system.slice/docker+" A ".scope", NULL, 0, 0},
	{"/system.slice/-" A ".scope", NULL, 0, 0},
};

static void expect(const char *path, const struct container_path *found, bool is_found, const char *id, enum container_runtime runtime,
		   unsigned int depth)
{
	cr_expect_eq(is_found, id != NULL, "%s: %s", path, is_found ? found->id : "not found");
	if (!is_found || !id)
		return;
	cr_expect_str_eq(found->id, id, "%s", path);
	cr_expect_eq(found->runtime, runtime, "%s: %d", path, (int)found->runtime);
	cr_expect_eq(found->depth, depth, "%s: %u", path, found->depth);
}

Test(container_path, the_groups_of_containers_are_told_from_those_of_hosts)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const struct shape *s = &shapes[i];
		struct container_path found;
		bool is_found = container_path_parse(s->path, strlen(s->path), &found);

		expect(s->path, &found, is_found, s->id, s->runtime, s->depth ? s->depth : 1);
	}
}

Test(container_path, a_name_that_is_longer_than_an_id_can_be_is_none)
{
	char path[256] = "/lxc/";
	struct container_path found;

	memset(path + 5, 'n', CONTAINER_ID_BYTES - 1);
	cr_expect(container_path_parse(path, strlen(path), &found));
	cr_expect_eq(strlen(found.id), CONTAINER_ID_BYTES - 1);
	path[5 + CONTAINER_ID_BYTES - 1] = 'n';
	cr_expect_not(container_path_parse(path, strlen(path), &found));
}

struct content {
	const char *text;
	const char *id;
	enum container_runtime runtime;
	unsigned int depth;
	uint64_t hierarchies;
};

#define H(number) CONTAINER_HIERARCHY_BIT(number)

static const struct content contents[] = {
	/* cgroup v2 alone */
	{"0::/system.slice/docker-" A ".scope\n", A, CONTAINER_RUNTIME_DOCKER, 1, H(0)},
	{"0::/user.slice/user-0.slice/session-1.scope\n", NULL, 0, 0, 0},
	{"0::/\n", NULL, 0, 0, 0},
	/* v1 */
	{"11:memory:/docker/" A "\n10:cpu,cpuacct:/docker/" A "\n1:name=systemd:/docker/" A "\n", A, CONTAINER_RUNTIME_DOCKER, 1,
	 H(11) | H(10) | H(1)},
	{"11:memory:/\n1:name=systemd:/init.scope\n", NULL, 0, 0, 0},
	/* hybrid: the unified hierarchy is left alone by the cgroupfs driver */
	{"9:name=systemd:/\n4:memory:/docker/" A "\n0::/\n", A, CONTAINER_RUNTIME_DOCKER, 1, H(4)},
	{"2:cpuset:/\n1:name=systemd:/kubepods/pod" P "/" A "\n0::/system.slice/containerd.service\n", A, CONTAINER_RUNTIME_UNKNOWN, 1,
	 H(1)},
	/* on the way into an inner container: some hierarchies are there already */
	{"4:memory:/docker/" A "\n3:cpuset:/docker/" A "/docker/" B "\n0::/docker/" A "\n", B, CONTAINER_RUNTIME_DOCKER, 2, H(3)},
	/* a path with colons */
	{"4:memory:/system.slice:docker:" A "\n", A, CONTAINER_RUNTIME_DOCKER, 1, H(4)},
	/* removed while the last process is still on its way out */
	{"0::/docker/" A " (deleted)\n", A, CONTAINER_RUNTIME_DOCKER, 1, H(0)},
	/* what cannot be trusted to be whole */
	{"4:memory:/docker/" A, NULL, 0, 0, 0},
	{"x:memory:/docker/" A "\n", NULL, 0, 0, 0},
	{"4:memory\n0:" A "\n", NULL, 0, 0, 0},
	{"\n\n:\n::\n", NULL, 0, 0, 0},
	{"", NULL, 0, 0, 0},
};

Test(container_path, a_task_is_in_the_container_that_any_of_its_hierarchies_is_in)
{
	for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
		const struct content *c = &contents[i];
		struct container_path found;
		bool is_found = container_path_parse_file(c->text, strlen(c->text), NULL, NULL, &found);

		expect(c->text, &found, is_found, c->id, c->runtime, c->depth);
		if (is_found)
			cr_expect_eq(found.hierarchies, c->hierarchies, "%s", c->text);
	}
}
