/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target-kinds.h - what the files of targets share; tests include target.h.
 */
#ifndef KSM_TESTS_INJECT_TARGET_KINDS_H
#define KSM_TESTS_INJECT_TARGET_KINDS_H

#include "target.h"

/* target.c: what a target says of itself, in the target */
void target_ready(void);
/* Keeps what was wrong, with errno, and returns 1. */
int target_bad(const char *what, long got);
/* The one check of a call: 0 when it returned what it would have without us. */
int target_check_call(const char *what, long got, long want);

/* target-sock.c */
int run_sock_read(struct share *sh);
int run_sock_readv(struct share *sh);
int run_sock_preadv2(struct share *sh);
int run_sock_recvfrom(struct share *sh);
int run_sock_recvmsg(struct share *sh);
int run_sock_recvmmsg(struct share *sh);
int run_sock_splice(struct share *sh);
int run_sock_write(struct share *sh);
int run_sock_writev(struct share *sh);
int run_sock_pwritev2(struct share *sh);
int run_sock_sendto(struct share *sh);
int run_sock_sendmsg(struct share *sh);
int run_sock_sendmmsg(struct share *sh);
int run_sock_sendfile(struct share *sh);
int run_sock_connect(struct share *sh);
int run_uring(struct share *sh);
void release_sock_send(pid_t pid, struct share *sh);
void release_sock_drain(pid_t pid, struct share *sh);
void release_accept(pid_t pid, struct share *sh);

#endif /* KSM_TESTS_INJECT_TARGET_KINDS_H */
