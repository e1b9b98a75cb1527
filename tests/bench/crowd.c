#include "tests/bench/crowd.h"

#include "base/buffer.h"
#include "tests/bench/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_TGID   1000
#define IMAGES       50
#define HIERARCHIES  12
#define VARIABLES    24
#define LABELS       16
#define BINDS        4
#define PATH_BYTES   256
#define CONFIG_BYTES 6000 /* what Docker 20.10 writes of a container with networks, ports and a dozen labels */

uint32_t crowd_tgid(uint32_t n)
{
	return FIRST_TGID + n;
}

uint32_t crowd_tgid_end(const struct crowd *c)
{
	return FIRST_TGID + c->shape.processes;
}

static void make_directory(const char *path)
{
	measure_require(mkdir(path, 0755) == 0, "%s: %s", path, strerror(errno));
}

/* Takes over the text. */
static void write_file(const char *path, struct buffer *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	measure_require(fd >= 0 && !text->failed && write(fd, text->data, text->length) == (ssize_t)text->length, "%s: %s", path,
			strerror(errno));
	close(fd);
	buffer_done(text);
}

/* 64 hexadecimal digits that look like chance: SplitMix64 of the number, four times. */
static void make_id(char id[CROWD_ID_BYTES], uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		uint64_t x = (seed * 4 + (uint64_t)i + 1) * UINT64_C(0x9e3779b97f4a7c15);

		x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
		(void)snprintf(id + i * 16, CROWD_ID_BYTES - (size_t)i * 16, "%016llx", (unsigned long long)(x ^ x >> 31));
	}
}

void crowd_container_id(uint32_t n, char ret[CROWD_ID_BYTES])
{
	make_id(ret, n);
}

static void put_config(struct buffer *to, const char *id, uint32_t n, uint32_t generation)
{
	char image[CROWD_ID_BYTES];

	make_id(image, UINT64_C(1) << 32 | n % IMAGES);
	buffer_printf(to,
		      "{\"StreamConfig\":{},\"State\":{\"Running\":true,\"Paused\":false,\"Restarting\":false,\"OOMKilled\":false,"
		      "\"RemovalInProgress\":false,\"Dead\":false,\"Pid\":%u,\"ExitCode\":0,\"Error\":\"\","
		      "\"StartedAt\":\"2024-05-01T10:00:01.123456789Z\",\"FinishedAt\":\"0001-01-01T00:00:00Z\",\"Health\":null},"
		      "\"ID\":\"%s\",\"Created\":\"2024-05-01T10:00:00.012345678Z\",\"Managed\":false,\"Path\":\"/usr/bin/service\","
		      "\"Args\":[\"--listen\",\"0.0.0.0:8080\"],\"Config\":{\"Hostname\":\"%.12s\",\"Domainname\":\"\",\"User\":\"1000\","
		      "\"AttachStdin\":false,\"ExposedPorts\":{\"8080/tcp\":{}},\"Tty\":false,\"OpenStdin\":false,\"Env\":[",
		      crowd_tgid(n * CROWD_TEAM), id, id);
	for (unsigned int i = 0; i < VARIABLES; i++)
		buffer_printf(to, "%s\"SHOP_SETTING_%u=https://backend-%u.shop.example.com:8443/v1/%u\"", i ? "," : "", i, i, n);
	buffer_printf(to,
		      "],\"Cmd\":[\"--listen\",\"0.0.0.0:8080\"],\"Image\":\"" CROWD_IMAGE "%u:2024.5\",\"Volumes\":null,"
		      "\"WorkingDir\":\"/srv\",\"Entrypoint\":[\"/usr/bin/service\"],\"OnBuild\":null,\"Labels\":{",
		      n % IMAGES);
	for (unsigned int i = 0; i < LABELS; i++)
		buffer_printf(to, "%s\"com.example.shop.deployment.label-%u\":\"the value of label %u of container %u\"", i ? "," : "", i,
			      i, n);
	buffer_printf(to,
		      "}},\"Image\":\"sha256:%s\",\"NetworkSettings\":{\"Bridge\":\"\",\"SandboxID\":\"%s\",\"HairpinMode\":false,"
		      "\"Networks\":{\"shop_default\":{\"NetworkID\":\"%s\",\"EndpointID\":\"%s\",\"Gateway\":\"172.18.0.1\","
		      "\"IPAddress\":\"172.18.0.2\",\"IPPrefixLen\":16,\"MacAddress\":\"02:42:ac:12:00:02\"}},\"Ports\":{\"8080/tcp\":"
		      "[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"8080\"}]}},\"LogPath\":\"/var/lib/docker/containers/%s/%s-json.log\","
		      "\"Name\":\"/shop_service-%u_%u_%u\",\"Driver\":\"overlay2\",\"OS\":\"linux\",\"MountLabel\":\"\",\"RestartCount\":0,"
		      "\"HasBeenStartedBefore\":true,\"MountPoints\":{},\"SecretReferences\":null,\"AppArmorProfile\":\"docker-default\"",
		      image, image, image, id, id, id, n % IMAGES, n, generation);
	while (to->length < CONFIG_BYTES)
		buffer_printf(to, ",\"Reserved%zu\":null", to->length);
	buffer_put_string(to, "}\n");
}

/* As much of it as Docker writes for a container with a few limits and mounts, about 2 KB. */
static void put_host_config(struct buffer *to, uint32_t n)
{
	buffer_put_string(to, "{\"Binds\":[");
	for (unsigned int i = 0; i < BINDS; i++)
		buffer_printf(to, "%s\"/srv/shop/service-%u/volume-%u:/srv/data/volume-%u:rw\"", i ? "," : "", n, i, i);
	buffer_printf(
		to,
		"],\"ContainerIDFile\":\"\",\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"max-size\":\"10m\"}},\"NetworkMode\":"
		"\"shop_default\",\"PortBindings\":{\"8080/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"%u\"}]},\"RestartPolicy\":{\"Name\":"
		"\"always\",\"MaximumRetryCount\":0},\"AutoRemove\":false,\"VolumeDriver\":\"\",\"VolumesFrom\":null,\"CapAdd\":null,"
		"\"CapDrop\":[\"NET_RAW\",\"MKNOD\"],\"CgroupnsMode\":\"host\",\"Dns\":[],\"DnsOptions\":[],\"DnsSearch\":[],"
		"\"ExtraHosts\":null,"
		"\"GroupAdd\":null,\"IpcMode\":\"private\",\"Cgroup\":\"\",\"Links\":null,\"OomScoreAdj\":0,\"PidMode\":\"\","
		"\"Privileged\":false,"
		"\"PublishAllPorts\":false,\"ReadonlyRootfs\":false,\"SecurityOpt\":null,\"UTSMode\":\"\",\"UsernsMode\":\"\",\"ShmSize\":"
		"67108864,"
		"\"Runtime\":\"runc\",\"ConsoleSize\":[0,0],\"Isolation\":\"\",\"CpuShares\":0,\"Memory\":536870912,\"NanoCpus\":0,"
		"\"CgroupParent\":"
		"\"\",\"BlkioWeight\":0,\"CpuPeriod\":0,\"CpuQuota\":0,\"CpusetCpus\":\"\",\"CpusetMems\":\"\",\"Devices\":[],"
		"\"DeviceRequests\":"
		"null,\"MemoryReservation\":0,\"MemorySwap\":1073741824,\"OomKillDisable\":false,\"PidsLimit\":null,\"Ulimits\":null,"
		"\"MaskedPaths\":[\"/proc/asound\",\"/proc/acpi\",\"/proc/kcore\",\"/proc/keys\",\"/proc/latency_stats\",\"/proc/"
		"timer_list\","
		"\"/proc/timer_stats\",\"/proc/sched_debug\",\"/proc/scsi\",\"/sys/firmware\"],\"ReadonlyPaths\":[\"/proc/bus\",\"/proc/"
		"fs\","
		"\"/proc/irq\",\"/proc/sys\",\"/proc/sysrq-trigger\"]}\n",
		20000 + n);
}

/* Whole or not at all, as Docker does. Takes over the text. */
static void put_state_file(const struct crowd *c, const char *id, const char *name, struct buffer *text)
{
	char path[PATH_BYTES], temporary[PATH_BYTES];

	(void)snprintf(path, sizeof(path), "%s/containers/%s/%s", c->docker, id, name);
	(void)snprintf(temporary, sizeof(temporary), "%s/containers/%s/.tmp-%s", c->docker, id, name);
	write_file(temporary, text);
	measure_require(rename(temporary, path) == 0, "%s: %s", path, strerror(errno));
}

static void write_config(const struct crowd *c, uint32_t n, uint32_t generation)
{
	char id[CROWD_ID_BYTES];
	struct buffer text;

	make_id(id, n);
	buffer_init(&text, 0);
	put_host_config(&text, n);
	put_state_file(c, id, "hostconfig.json", &text);
	buffer_init(&text, 0);
	put_config(&text, id, n, generation);
	put_state_file(c, id, "config.v2.json", &text);
}

void crowd_rename(const struct crowd *c, uint32_t generation)
{
	for (uint32_t n = 0; n < c->shape.containers; n++)
		write_config(c, n, generation);
}

static void make_containers(const struct crowd *c)
{
	char path[PATH_BYTES], id[CROWD_ID_BYTES];

	make_directory(c->docker);
	(void)snprintf(path, sizeof(path), "%s/containers", c->docker);
	make_directory(path);
	for (uint32_t n = 0; n < c->shape.containers; n++) {
		make_id(id, n);
		(void)snprintf(path, sizeof(path), "%s/containers/%s", c->docker, id);
		make_directory(path);
	}
	crowd_rename(c, 0);
}

static void put_cgroups(struct buffer *to, const char *cgroup)
{
	static const char *const controllers[HIERARCHIES] = {"rdma",   "cpuset",      "perf_event", "freezer",     "net_cls,net_prio",
							     "blkio",  "pids",        "devices",    "cpu,cpuacct", "hugetlb",
							     "memory", "name=systemd"};

	for (int i = 0; i < HIERARCHIES; i++)
		buffer_printf(to, "%d:%s:%s\n", HIERARCHIES - i, controllers[i], cgroup);
	buffer_printf(to, "0::%s\n", cgroup);
}

static void put_stat(struct buffer *to, uint32_t tgid, const char *comm, uint32_t parent)
{
	buffer_printf(to,
		      "%u (%s) S %u %u %u 0 -1 4194560 98 0 0 0 12 34 0 0 20 0 1 0 %u 3133440 379 18446744073709551615 94226384658432 "
		      "94226384662277 140721462337264 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 94226384673200 94226384673888 94226405519360 "
		      "140721462341405 140721462341425 140721462341425 140721462341610 0\n",
		      tgid, comm, parent, tgid, tgid, tgid);
}

static void make_process(const struct crowd *c, uint32_t tgid, const char *comm, uint32_t parent, const char *cgroup)
{
	char directory[PATH_BYTES], path[PATH_BYTES + 8];
	struct buffer text;

	(void)snprintf(directory, sizeof(directory), "%s/%u", c->proc, tgid);
	make_directory(directory);
	buffer_init(&text, 0);
	put_stat(&text, tgid, comm, parent);
	(void)snprintf(path, sizeof(path), "%s/stat", directory);
	write_file(path, &text);

	buffer_init(&text, 0);
	put_cgroups(&text, cgroup);
	(void)snprintf(path, sizeof(path), "%s/cgroup", directory);
	write_file(path, &text);

	buffer_init(&text, 0);
	buffer_printf(&text, "Name:\t%s\nUid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000\n", comm);
	(void)snprintf(path, sizeof(path), "%s/status", directory);
	write_file(path, &text);

	(void)snprintf(path, sizeof(path), "%s/cwd", directory);
	measure_require(symlink("/srv", path) == 0, "%s: %s", path, strerror(errno));
}

static void make_ancestors(const struct crowd *c)
{
	char comm[16];

	make_process(c, 1, "init", 0, "/");
	for (uint32_t i = 0; i < c->shape.ancestors; i++) {
		(void)snprintf(comm, sizeof(comm), "ancestor-of-%03u", i % 1000);
		make_process(c, i + 2, comm, i + 1, "/");
	}
}

static void make_processes(const struct crowd *c)
{
	char comm[16], cgroup[PATH_BYTES], id[CROWD_ID_BYTES];

	make_ancestors(c);
	for (uint32_t n = 0; n < c->shape.processes; n++) {
		uint32_t first = n - n % CROWD_TEAM;

		(void)snprintf(comm, sizeof(comm), "worker-%u", n % CROWD_TEAM);
		(void)snprintf(cgroup, sizeof(cgroup), "/system.slice/shop-service-%u.service", n / CROWD_TEAM);
		if (c->shape.containers) {
			make_id(id, n / CROWD_TEAM % c->shape.containers);
			(void)snprintf(cgroup, sizeof(cgroup), "/docker/%s", id);
		}
		make_process(c, crowd_tgid(n), comm, n == first ? c->shape.ancestors + 1 : crowd_tgid(first), cgroup);
	}
}

static void make_boot_id(const struct crowd *c)
{
	static const char *const parts[] = {"sys", "sys/kernel", "sys/kernel/random"};
	char path[PATH_BYTES];
	struct buffer text;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", c->proc, parts[i]);
		make_directory(path);
	}
	buffer_init(&text, 0);
	buffer_put_string(&text, "5f0c2a7e-91d0-4b3c-8f11-223344556677\n");
	(void)snprintf(path, sizeof(path), "%s/sys/kernel/random/boot_id", c->proc);
	write_file(path, &text);
}

static void make_home(struct crowd *c, const struct crowd_shape *shape)
{
	const char *temporary = getenv("TMPDIR");

	*c = (struct crowd){.shape = *shape};
	measure_require(snprintf(c->path, sizeof(c->path), "%s/crowd.XXXXXX", temporary ? temporary : "/tmp") < (int)sizeof(c->path),
			"TMPDIR is \"%s\"; at most %zu bytes are allowed", temporary, sizeof(c->path) - sizeof("/crowd.XXXXXX"));
	measure_require(mkdtemp(c->path) != NULL, "%s: %s", c->path, strerror(errno));
	(void)snprintf(c->proc, sizeof(c->proc), "%s/proc", c->path);
	(void)snprintf(c->docker, sizeof(c->docker), "%s/docker", c->path);
}

void crowd_make(struct crowd *c, const struct crowd_shape *shape)
{
	make_home(c, shape);
	make_directory(c->proc);
	make_boot_id(c);
	make_processes(c);
	make_containers(c);
}

void crowd_make_containers(struct crowd *c, const struct crowd_shape *shape)
{
	make_home(c, shape);
	make_containers(c);
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

void crowd_remove(struct crowd *c)
{
	if (c->path[0])
		(void)nftw(c->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	*c = (struct crowd){0};
}
