// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-bpf.c - seccomp filters of any kind: the answer is one that a filter may give,
 * the same each time, and what is not known is not looked at.
 */
#include "fuzz.h"

#include "inject/seccomp.h"

/* An answer in spite of unknown words must not depend on them. */
static void check_unknown(const struct sock_filter *code, size_t n, struct seccomp_data data,
			  uint32_t unknown)
{
	const uint32_t first = inject_seccomp_run(code, n, &data, unknown);
	uint32_t words[sizeof(data) / 4];

	MUST(inject_seccomp_run(code, n, &data, unknown) == first);
	memcpy(words, &data, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (unknown >> i & 1)
			words[i] = ~words[i];
	memcpy(&data, words, sizeof(data));
	MUST(inject_seccomp_run(code, n, &data, unknown) == first);
	/* Nor on whether they are known, unless they are looked at. */
	if (first != SECCOMP_RET_KILL_PROCESS)
		MUST(inject_seccomp_run(code, n, &data, 0) == first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seccomp_data call;
	struct inject_filters f = { .mode = INJECT_SECCOMP_FILTER };
	uint32_t unknown, lens[2], answer;
	struct sock_filter *code;
	size_t n;

	if (size < sizeof(call) + sizeof(unknown))
		return 0;
	memcpy(&call, data, sizeof(call));
	memcpy(&unknown, data + sizeof(call), sizeof(unknown));
	data += sizeof(call) + sizeof(unknown);
	n = (size - sizeof(call) - sizeof(unknown)) / sizeof(*code);
	code = malloc(n * sizeof(*code) + 1);
	MUST(code);
	memcpy(code, data, n * sizeof(*code));
	check_unknown(code, n, call, unknown);
	/* Two filters: none can make the other milder. */
	lens[0] = n / 2;
	lens[1] = n - n / 2;
	f.code = code;
	f.len = lens;
	f.n = 2;
	answer = inject_seccomp_answer(&f, &call, unknown);
	for (int i = 0; i < 2; i++)
		MUST((int32_t)(answer & SECCOMP_RET_ACTION_FULL) <=
		     (int32_t)(inject_seccomp_run(i ? code + lens[0] : code, lens[i], &call, unknown) &
			       SECCOMP_RET_ACTION_FULL));
	MUST(!inject_seccomp_allows(&f, &call, unknown) ||
	     (answer & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ALLOW);
	free(code);
	return 0;
}
