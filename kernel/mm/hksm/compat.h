/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every difference between the kernel versions the engine builds for. Written
 * against 6.12; a name that changed later is given its 6.12 form here.
 */
#ifndef HKSM_COMPAT_H
#define HKSM_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#error "hksm needs Linux 6.12 or newer"
#endif

#endif /* HKSM_COMPAT_H */
