#include "subscription/path_glob.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

struct row {
	const char *pattern;
	const char *text;
	bool matches;
};

static const struct row rows[] = {
	{"nginx", "nginx", true},
	{"nginx", "nginx:latest", false},
	{"nginx", "ngin", false},
	{"nginx", "", false},
	{"*", "", true},
	{"*", "nginx:1.25", true},
	{"*", "library/nginx", false},
	{"**", "", true},
	{"**", "registry.example:5000/team/app:1.2", true},
	{"nginx*", "nginx", true},
	{"nginx*", "nginx:1.25-alpine", true},
	{"nginx*", "nginx/plus", false},
	{"*nginx", "library/nginx", false},
	{"*/nginx", "library/nginx", true},
	{"*/nginx", "docker.io/library/nginx", false},
	{"**/nginx", "docker.io/library/nginx", true},
	{"**/nginx", "nginx", false},
	{"**nginx", "nginx", true},
	{"docker.io/**", "docker.io/library/nginx", true},
	{"docker.io/*", "docker.io/library/nginx", false},
	{"docker.io/*/nginx:*", "docker.io/library/nginx:1", true},
	{"a/**/z", "a/b/z", true},
	{"a/**/z", "a/b/c/d/z", true},
	{"a/**/z", "a/z", false},
	{"a**z", "a/z", true},
	{"***", "a/b", true},
	{"**a*b", "x/ay/ab", true},
	{"**a*b/c", "a/xb/axxb/c", true},
	{"**a*b/c", "a/xb/axxb/d/c", false},
	{"*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
	{"*:*.*", "app:1.2", true},
	{"*:*.*", "app:1", false},
	{"ngin?", "nginx", true},
	{"ngin?", "ngin", false},
	{"a?b", "a/b", false},
	{"app:[0-9]", "app:7", true},
	{"app:[0-9]", "app:x", false},
	{"app:[!0-9]", "app:x", true},
	{"app:[^0-9]", "app:7", false},
	{"a[!b]c", "a/c", false},
	{"[abc-]x", "-x", true},
	{"[]a]", "]", true},
	{"[]a]", "a", true},
	{"[!]a]", "]", false},
	{"[!]a]", "b", true},
	{"[\\]-^]", "]", true},
	{"[*?]", "*", true},
	{"[*?]", "a", false},
	{"\\*", "*", true},
	{"\\*", "a", false},
	{"\\[a]", "[a]", true},
	{"a\\{b\\}", "a{b}", true},
	{"]", "]", true},
	{"sha256:0[0-9a-f]*", "sha256:0a11", true},
	{"nginx@sha256:*", "nginx@sha256:0a11", true},
};

Test(path_glob, patterns_match_as_in_a_shell_with_slashes_between_parts)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct error err;

		cr_assert_eq(path_glob_check(r->pattern, &err), 0, "%s: %s", r->pattern, err.message);
		cr_expect_eq(path_glob_matches(r->pattern, r->text, strlen(r->text)), r->matches, "%s on %s", r->pattern, r->text);
	}
}

static const char *const bad[][2] = {
	{"", "empty"},
	{"[", "character 1: the [ has no ]"},
	{"nginx:[0-9", "character 7: the [ has no ]"},
	{"[]", "character 1: the [ has no ]"},
	{"[!]", "character 1: the [ has no ]"},
	{"[a-", "character 1: the [ has no ]"},
	{"[z-a]", "character 2: the range runs backwards"},
	{"a[b/c]", "character 4: a /"},
	{"[.-0]", "character 2: a /"},
	{"a\\", "character 2: there is nothing behind the \\"},
	{"[\\", "character 2: there is nothing behind the \\"},
	{"[a-\\", "character 4: there is nothing behind the \\"},
	{"{a,b}", "character 1: alternatives"},
	{"a}", "character 2: alternatives"},
	{"a b", "character 2: only visible ASCII"},
	{"a\n", "character 2: only visible ASCII"},
	{"n\xc3\xa4h", "character 2: only visible ASCII"},
};

Test(path_glob, a_bad_pattern_is_refused_with_the_place_and_the_reason)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error err = {0};

		cr_expect_eq(path_glob_check(bad[i][0], &err), -EINVAL, "%s", bad[i][0]);
		cr_expect_not_null(strstr(err.message, bad[i][1]), "%s: %s", bad[i][0], err.message);
	}
}

Test(path_glob, the_longest_pattern_is_matched_and_a_longer_one_refused)
{
	char pattern[PATH_GLOB_BYTES_MAX + 2], text[2 * PATH_GLOB_BYTES_MAX];
	struct error err;

	for (size_t i = 0; i < PATH_GLOB_BYTES_MAX; i++)
		pattern[i] = i % 2 ? 'a' : '*';
	pattern[PATH_GLOB_BYTES_MAX] = '\0';
	memset(text, 'a', sizeof(text));
	cr_assert_eq(path_glob_check(pattern, &err), 0, "%s", err.message);
	cr_expect(path_glob_matches(pattern, text, sizeof(text)));
	text[sizeof(text) - 1] = 'b';
	cr_expect_not(path_glob_matches(pattern, text, sizeof(text)));
	strcat(pattern, "a");
	cr_expect_eq(path_glob_check(pattern, &err), -EINVAL);
	cr_expect_not_null(strstr(err.message, "512"), "%s", err.message);
}
