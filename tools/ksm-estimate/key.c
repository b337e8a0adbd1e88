// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * key.c - the secret behind the hashes of a run, and the hash itself.
 *
 * Whoever knows the secret can make pages that collide, and can find out from a
 * sketch whether a host has a page that they know: so it is random in each run,
 * and a file of it is readable by its owner only.
 */
#include "ksm-estimate/estimate.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#ifdef HAVE_XXH3_64BITS_WITHSECRET_DISPATCH
/* Declared by xxh_x86dispatch.h, which not every system that has it ships. */
XXH_PUBLIC_API XXH64_hash_t XXH3_64bits_withSecret_dispatch(const void *data, size_t len,
							    const void *secret, size_t secret_len);
#define hash_page XXH3_64bits_withSecret_dispatch
#else
#define hash_page XXH3_64bits_withSecret
#endif

uint64_t est_hash(const struct est_key *key, const void *data, size_t len)
{
#ifdef HAVE_AVX512
	if (__builtin_cpu_supports("avx512f"))
		return est_hash_avx512(data, len, key->secret, EST_KEY_LEN);
#endif
	return hash_page(data, len, key->secret, EST_KEY_LEN);
}

/* 32 bits of a hash under a key of its own: too few to say anything of the secret. */
static void set_id(struct est_key *key)
{
	key->id = XXH64(key->secret, sizeof(key->secret), 0x6b736d2d65737469) >> 32;
}

int est_key_new(struct est_key *key)
{
	size_t done = 0;

	while (done < sizeof(key->secret)) {
		ssize_t n = getrandom(key->secret + done, sizeof(key->secret) - done, 0);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			done += n;
	}
	set_id(key);
	return 0;
}

static int write_key(int fd, const struct est_key *key)
{
	ssize_t n = write(fd, key->secret, sizeof(key->secret));

	if (n < 0)
		return -errno;
	return n == sizeof(key->secret) ? 0 : -ENOSPC;
}

static int make_key(const char *path, struct est_key *key)
{
	int fd __cleanup_fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return -errno;
	rc = est_key_new(key);
	if (!rc)
		rc = write_key(fd, key);
	if (!rc && close(steal_fd(&fd)))
		rc = -errno;
	if (rc)
		unlink(path);
	return rc;
}

/* A secret that others may read is none, and one that others may write is theirs. */
static int check_owner(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EPROTO;
	if (st.st_uid && st.st_uid != geteuid())
		return -EKEYREJECTED;
	return st.st_mode & 077 ? -EKEYREJECTED : 0;
}

int est_key_file(const char *path, struct est_key *key)
{
	char more;
	int fd __cleanup_fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t n;
	int rc;

	if (fd < 0 && errno == ENOENT)
		return make_key(path, key);
	if (fd < 0)
		return -errno;
	rc = check_owner(fd);
	if (rc)
		return rc;
	n = read(fd, key->secret, sizeof(key->secret));
	if (n < 0)
		return -errno;
	if (n != sizeof(key->secret) || read(fd, &more, 1) != 0)
		return -EPROTO;
	set_id(key);
	return 0;
}
