// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-group.c - names of units and virtual machines, into a buffer of any
 * size.
 *
 * The first byte is the size; then the cgroup up to its NUL; the rest is the
 * command line.
 */
#include "fuzz.h"

#include <errno.h>

#include "libksm/libksm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul;
	struct ksm_pod pod;
	char *cgroup, *out;
	size_t len;
	int rc;

	if (!size)
		return 0;
	len = data[0] % 80 + 1;
	out = malloc(len);
	MUST(out);
	data++;
	size--;
	nul = size ? memchr(data, '\0', size) : NULL;
	cgroup = fuzz_text(data, nul ? (size_t)(nul - data) : size);
	if (nul) {
		size -= nul + 1 - data;
		data = nul + 1;
	} else {
		size = 0;
	}
	ksm_group_unit(cgroup, out, len);
	MUST(memchr(out, '\0', len));
	rc = ksm_group_vm(cgroup, (const char *)data, size, out, len);
	MUST(rc == 0 || rc == -ENOENT);
	MUST(memchr(out, '\0', len));
	MUST(rc == 0 || !*out);
	ksm_group_container(cgroup, out, len);
	MUST(memchr(out, '\0', len));
	ksm_group_pod_uid(cgroup, out, len);
	MUST(memchr(out, '\0', len));
	ksm_pod_namespace(cgroup, out, len);
	MUST(memchr(out, '\0', len));
	/* Only what a kubelet writes is the name of a pod. */
	MUST(ksm_pod_parse(cgroup, &pod) == (*pod.uid ? 0 : -EINVAL));
	/* The command line alone, and the cgroup alone. */
	MUST(ksm_group_vm(NULL, (const char *)data, size, out, len) <= 0);
	MUST(ksm_group_vm(cgroup, NULL, 0, out, len) <= 0);
	free(cgroup);
	free(out);
	return 0;
}
