// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-oci.c - what the state of a container asks for: its annotations, and who it is.
 */
#include "ksm-advise/oci.h"

#include <errno.h>

#include "tap.h"
#include "util/macros.h"

#define STATE(annotations)                                                                    \
	"{\"ociVersion\":\"1.0.2\",\"id\":\"web\",\"status\":\"created\",\"pid\":42,"         \
	"\"bundle\":\"/b\",\"annotations\":" annotations "}"
#define MERGE	 "\"org.ksm-utils.merge\":"
#define REQUIRED "\"org.ksm-utils.required\":"

static void asked(void)
{
	static const struct {
		const char *text;
		bool always;
		int rc;
		bool merge, required;
		const char *why;
	} rows[] = {
		/* who asks for nothing gets nothing */
		{ STATE("{}"), false, 0, false, false, "" },
		{ STATE("null"), false, 0, false, false, "" },
		{ "{\"id\":\"web\"}", false, 0, false, false, "" },
		{ "{}", false, 0, false, false, "" },
		{ STATE("{\"org.example.merge\":\"yes\"}"), false, 0, false, false, "" },
		{ STATE("{" REQUIRED "\"yes\"}"), false, 0, false, true, "" },
		{ STATE("{" MERGE "\"no\"}"), false, 0, false, false, "" },
		/* and nothing else of it is looked at */
		{ "{\"pid\":\"x\",\"annotations\":{" MERGE "\"off\"}}", false, 0, false, false, "" },
		/* who asks */
		{ STATE("{" MERGE "\"yes\"}"), false, 0, true, false, "" },
		{ STATE("{" MERGE "\"true\"," REQUIRED "\"1\"}"), false, 0, true, true, "" },
		{ STATE("{" MERGE "\"Yes\"," REQUIRED "\"no\"}"), false, 0, true, false, "" },
		{ STATE("{\"org\\u002eksm-utils.merge\":\"on\"}"), false, 0, true, false, "" },
		/* whoever wrote the hook down has asked; an annotation still says no */
		{ STATE("{}"), true, 0, true, false, "" },
		{ STATE("{" MERGE "\"no\"}"), true, 0, false, false, "" },
		/* mistakes */
		{ STATE("{" MERGE "\"maybe\"}"), false, -EINVAL, false, false,
		  "annotation org.ksm-utils.merge: \"maybe\": neither yes nor no" },
		{ STATE("{" MERGE "true}"), false, -EINVAL, false, false,
		  "annotation org.ksm-utils.merge: \"\": neither yes nor no" },
		{ STATE("{" MERGE "\"yes\"," MERGE "\"no\"}"), false, -EINVAL, false, false,
		  "annotation org.ksm-utils.merge: it is there twice" },
		{ STATE("{" MERGE "\"x\"," REQUIRED "\"yes\"}"), false, -EINVAL, false, true,
		  "annotation org.ksm-utils.merge: \"x\": neither yes nor no" },
		{ STATE("{" REQUIRED "\"x\"}"), false, -EINVAL, false, false,
		  "annotation org.ksm-utils.required: \"x\": neither yes nor no" },
		{ STATE("{" MERGE "\"0123456789012345678901234567890123456789\"}"), false, -EINVAL,
		  false, false,
		  "annotation org.ksm-utils.merge: \"0123456789012345678901234567890\": neither "
		  "yes nor no" },
		{ STATE("[]"), false, -EINVAL, false, false,
		  "annotations: not an object, or there twice" },
		{ "{\"annotations\":{" MERGE "\"yes\"},\"annotations\":{}}", false, -EINVAL, false,
		  false, "annotations: not an object, or there twice" },
		{ "[]", false, -EINVAL, false, false, "not a JSON object" },
		{ "", false, -EINVAL, false, false, "not JSON at byte 1" },
		{ "{\"id\":", false, -EINVAL, false, false, "not JSON at byte 7" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct adv_oci o;
		char why[256];

		tap_row("%zu: %s", i, rows[i].text);
		CHECK_INT(adv_oci_parse(rows[i].text, strlen(rows[i].text), rows[i].always, &o, why,
					sizeof(why)),
			  rows[i].rc);
		CHECK_STR(why, rows[i].why);
		if (!rows[i].rc)
			CHECK_INT(o.merge, rows[i].merge);
		CHECK_INT(o.required, rows[i].required);
	}
}

#define ASKS "\"annotations\":{" MERGE "\"yes\"}}"

static void process(void)
{
	static const struct {
		const char *text;
		int rc;
		pid_t pid;
		bool running;
	} rows[] = {
		{ "{\"pid\":42,\"status\":\"creating\"," ASKS, 0, 42, false },
		{ "{\"pid\":42,\"status\":\"running\"," ASKS, 0, 42, true },
		{ "{\"pid\":42," ASKS, 0, 42, false },
		{ "{\"pid\":2147483647," ASKS, 0, 2147483647, false },
		{ "{\"pid\":2147483648," ASKS, -EINVAL, 0, false },
		{ "{\"pid\":0," ASKS, -EINVAL, 0, false },
		{ "{\"pid\":-1," ASKS, -EINVAL, 0, false },
		{ "{\"pid\":4.2," ASKS, -EINVAL, 0, false },
		{ "{\"pid\":\"42\"," ASKS, -EINVAL, 0, false },
		{ "{\"pid\":null," ASKS, -EINVAL, 0, false },
		{ "{\"pid\":42,\"pid\":43," ASKS, -EINVAL, 0, false },
		{ "{" ASKS, -EINVAL, 0, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct adv_oci o;
		char why[256];

		tap_row("%zu: %s", i, rows[i].text);
		CHECK_INT(adv_oci_parse(rows[i].text, strlen(rows[i].text), false, &o, why,
					sizeof(why)),
			  rows[i].rc);
		CHECK_INT(o.pid, rows[i].pid);
		CHECK_INT(o.running, rows[i].running);
		CHECK_STR(why, rows[i].rc ? "pid: missing, or not the number of a process" : "");
	}
}

TAP_MAIN(TAP_CASE(asked), TAP_CASE(process))
