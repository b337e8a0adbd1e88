/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vec.h - arrays that grow by one element at a time.
 */
#ifndef KSM_UTIL_VEC_H
#define KSM_UTIL_VEC_H

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

/* By how much the room grows next. */
static inline size_t vec_more(size_t cap)
{
	return cap ? cap : 16;
}

/**
 * vec_room() - room for one more element behind the last one.
 * @v: the array, a variable; NULL at first, the caller's to free()
 * @n: how many elements it has
 * @cap: how many it has room for, a size_t variable; 0 at first
 *
 * The room doubles, so that filling an array costs a constant for each element.
 * The caller sets v[n] and counts it.
 *
 * Return: 0, or -ENOMEM, and then the array is as it was.
 */
#define vec_room(v, n, cap) ({						\
	const size_t vec_cap_ = (cap) + vec_more(cap);			\
	__typeof__(v) vec_more_ = (v);					\
	int vec_rc_ = 0;						\
									\
	if ((n) >= (cap)) {						\
		vec_more_ = reallocarray((v), vec_cap_, sizeof(*(v)));	\
		if (vec_more_) {					\
			(v) = vec_more_;				\
			(cap) = vec_cap_;				\
		} else {						\
			vec_rc_ = -ENOMEM;				\
		}							\
	}								\
	vec_rc_;							\
})

#endif /* KSM_UTIL_VEC_H */
