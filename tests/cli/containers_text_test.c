#include "cli/containers_text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define A      "4f57c1af3f04fb5c9ef1734e1c399865d1d9e2b7a0c84f6f2a5c1b3e7d90aa01"
#define B      "b0c4a1d2e3f405162738495a6b7c8d9eaf01b2c3d4e5f60718293a4b5c6d7e8f"
#define NOW_S  1700000000
#define NOW_NS (UINT64_C(1700000000) * 1000000000)

#define STATE(name) RINGSIDE__V0__CONTAINER_STATE__CONTAINER_STATE_##name

static struct buffer out;
static Ringside__V0__Container containers[8], *list[8];
static size_t count;

static void init(void)
{
	buffer_init(&out, 0);
	count = 0;
}

static void done(void)
{
	buffer_done(&out);
	for (size_t i = 0; i < count; i++) {
		free(containers[i].created_time);
		free(containers[i].started_time);
		free(containers[i].finished_time);
		free(containers[i].exit_code);
		free(containers[i].pod);
	}
}

TestSuite(containers_text, .init = init, .fini = done);

static Google__Protobuf__Timestamp *ago(int64_t seconds)
{
	Google__Protobuf__Timestamp *time = malloc(sizeof(*time));

	google__protobuf__timestamp__init(time);
	time->seconds = NOW_S - seconds;
	return time;
}

static Ringside__V0__Container *add(const char *id, const char *name, const char *image)
{
	Ringside__V0__Container *c = &containers[count];

	ringside__v0__container__init(c);
	c->id = (char *)id;
	c->name = (char *)name;
	c->image_name = (char *)image;
	list[count++] = c;
	return c;
}

static const char *put(bool color, size_t width_max)
{
	const struct containers_text_options options = {.color = color, .now_ns = NOW_NS, .width_max = width_max};

	buffer_clear(&out);
	containers_text_put(&out, &options, list, count);
	buffer_put_u8(&out, 0);
	cr_assert_not(out.failed);
	return (const char *)out.data;
}

static void exit_with(Ringside__V0__Container *c, int32_t code, int64_t seconds)
{
	c->state = STATE(EXITED);
	c->exit_code = malloc(sizeof(*c->exit_code));
	google__protobuf__int32_value__init(c->exit_code);
	c->exit_code->value = code;
	c->finished_time = ago(seconds);
}

Test(containers_text, a_line_says_what_people_look_for_the_newest_first)
{
	Ringside__V0__Container *c;

	c = add(B, "/old", "busybox");
	c->runtime = "docker";
	c->created_time = ago(90000);
	exit_with(c, 3, 120);
	c = add(A, "/web", "nginx:1.25");
	c->runtime = "docker";
	c->state = STATE(RUNNING);
	c->init_pid = 4711;
	c->processes = 5;
	c->created_time = ago(3600);
	c->started_time = ago(192);
	c = add("lonely", "", "");
	c->processes = 1;
	c->pending = true;
	cr_expect_str_eq(put(false, 0), "CONTAINER ID  NAME  IMAGE       RUNTIME  STATE               PID   PROCESSES  CREATED\n"
					"4f57c1af3f04  web   nginx:1.25  docker   up 3 m 12 s         4711  5          1 h ago\n"
					"b0c4a1d2e3f4  old   busybox     docker   exited (3) 2 m ago  -     0          1 d 1 h ago\n"
					"lonely        -     -           -        up, pending         -     1          -\n");
}

Test(containers_text, states_are_told_as_far_as_they_are_known)
{
	Ringside__V0__Container *c;

	add("1", "created", "i")->state = STATE(CREATED);
	add("2", "unknown", "i");
	add("3", "pending", "i")->pending = true;
	add("4", "exited", "i")->state = STATE(EXITED);
	add("5", "up", "i")->state = STATE(RUNNING);
	exit_with(add("6", "done", "i"), 0, 0);
	c = add("7", "future", "i");
	c->state = STATE(RUNNING);
	c->started_time = ago(-100);
	add("8", "later", "i")->state = (Ringside__V0__ContainerState)17;
	cr_expect_str_eq(put(false, 0), "CONTAINER ID  NAME     IMAGE  RUNTIME  STATE                PID  PROCESSES  CREATED\n"
					"1             created  i      -        created              -    0          -\n"
					"2             unknown  i      -        -                    -    0          -\n"
					"3             pending  i      -        pending              -    0          -\n"
					"4             exited   i      -        exited               -    0          -\n"
					"5             up       i      -        up                   -    0          -\n"
					"6             done     i      -        exited (0) 0 ns ago  -    0          -\n"
					"7             future   i      -        up 0 ns              -    0          -\n"
					"8             later    i      -        -                    -    0          -\n");
}

Test(containers_text, pods_have_a_column_when_there_is_one)
{
	Ringside__V0__Container *c;

	c = add("1", "web", "nginx");
	c->pod = malloc(sizeof(*c->pod));
	ringside__v0__container_pod__init(c->pod);
	c->pod->namespace_ = "default";
	c->pod->name = "web-0";
	c->pod->container_name = "nginx";
	c = add("2", "pause", "pause:3.9");
	c->pod = malloc(sizeof(*c->pod));
	ringside__v0__container_pod__init(c->pod);
	c->pod->namespace_ = "default";
	c->pod->name = "web-0";
	c->pod->sandbox = true;
	add("3", "other", "busybox");
	cr_expect_str_eq(put(false, 0), "CONTAINER ID  NAME   IMAGE      RUNTIME  STATE  PID  PROCESSES  CREATED  POD\n"
					"1             web    nginx      -        -      -    0          -        default/web-0/nginx\n"
					"2             pause  pause:3.9  -        -      -    0          -        default/web-0 (sandbox)\n"
					"3             other  busybox    -        -      -    0          -        -\n");
}

Test(containers_text, hostile_names_neither_reach_the_terminal_nor_break_the_columns)
{
	add("1\n2", "/a\033[2Jb\nc", "x\xff\t\xe2\x80\xae y");
	add("2", "\xc3\xbc\xe2\x82\xac", "z");
	cr_expect_str_eq(put(false, 0),
			 "CONTAINER ID  NAME          IMAGE                  RUNTIME  STATE  PID  PROCESSES  CREATED\n"
			 "1\\n2          a\\x1b[2Jb\\nc  x\\xff\\t\\xe2\\x80\\xae y  -        -      -    0          -\n"
			 "2             \xc3\xbc\xe2\x82\xac            z                      -        -      -    0          -\n");
	for (const char *c = put(false, 0); *c; c++)
		cr_assert(*c == '\n' || (unsigned char)*c >= ' ');
}

Test(containers_text, long_names_are_cut_between_characters_and_only_when_it_is_asked_for)
{
	const char *text;

	add("1", "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", "twelve-chars");
	add("2", "exactly8", "sha256:" A);
	text = put(false, 8);
	cr_expect_str_eq(text,
			 "CONTAINER ID  NAME      IMAGE     RUNTIME  STATE  PID  PROCESSES  CREATED\n"
			 "1             \xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc    twelv...  -        -      -    0          -\n"
			 "2             exactly8  sha25...  -        -      -    0          -\n");
	text = put(false, 5);
	cr_expect_not_null(strstr(text, "\xc3\xbc\xc3\xbc...  tw...  "));
	cr_expect_not_null(strstr(put(false, 0), "sha256:" A));
}

Test(containers_text, an_image_without_a_name_is_its_id)
{
	add("1", "web", "")->image_id = B;
	add("2", "odd", "")->image_id = "abc";
	cr_expect_str_eq(put(false, 0), "CONTAINER ID  NAME  IMAGE         RUNTIME  STATE  PID  PROCESSES  CREATED\n"
					"1             web   b0c4a1d2e3f4  -        -      -    0          -\n"
					"2             odd   abc           -        -      -    0          -\n");
}

Test(containers_text, colors_change_no_widths)
{
	static char plain[1024];
	size_t length = 0;
	const char *text;

	exit_with(add("1", "bad", "i"), 1, 60);
	add("2", "good", "i")->state = STATE(RUNNING);
	text = put(true, 0);
	cr_expect_not_null(strstr(text, "\033[31mexited (1) 1 m ago\033[0m"));
	cr_expect_not_null(strstr(text, "\033[32mup\033[0m"));
	for (const char *c = text; *c && length < sizeof(plain) - 1; c++) {
		if (*c == '\033')
			c = strchr(c, 'm');
		else
			plain[length++] = *c;
	}
	cr_expect_str_eq(plain, put(false, 0));
}

Test(containers_text, without_containers_there_is_no_table)
{
	cr_expect_str_eq(put(true, 0), "");
}
