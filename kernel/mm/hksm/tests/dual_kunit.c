// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: a table that is replaced while it is used, as the kernel builds it. More of
 * it in tests/engine/t-dual.c.
 */
#include <kunit/test.h>
#include <linux/kthread.h>
#include <linux/sched.h>

#include "../dual.h"

#define ENTRIES	1024

static u64 key_of(u64 body)
{
	return body * 0x9e3779b97f4a7c15ULL;
}

static bool has(const struct hksm_dual *d, u64 body)
{
	struct hksm_dual_probe p;
	u64 b;

	for (b = hksm_dual_first(d, key_of(body), &p); b;
	     b = hksm_dual_next(d, key_of(body), &p))
		if (b == body)
			return true;
	return false;
}

static void replaced(struct kunit *test)
{
	struct hksm_table t;
	struct hksm_dual d;
	unsigned int i;
	u64 b;

	KUNIT_ASSERT_EQ(test, hksm_dual_init(&d, ENTRIES, 0), 0);
	for (b = 2; b < ENTRIES / 2; b++)
		KUNIT_EXPECT_TRUE(test,
				  hksm_table_insert(&d.now, key_of(b), b));
	KUNIT_ASSERT_EQ(test, hksm_table_init(&t, 2 * ENTRIES, 0), 0);
	hksm_dual_begin(&d, &t);
	for (i = 0; hksm_table_used(&d.old) && i < ENTRIES; i++) {
		KUNIT_EXPECT_EQ(test, hksm_dual_drain(&d, 64, key_of), 0);
		for (b = 2; b < ENTRIES / 2; b++)
			KUNIT_EXPECT_TRUE(test, has(&d, b));
	}
	KUNIT_EXPECT_EQ(test, hksm_table_used(&d.old), 0);
	hksm_dual_end(&d, &t);
	hksm_table_fini(&t);
	for (b = 2; b < ENTRIES / 2; b++)
		KUNIT_EXPECT_TRUE(test, hksm_dual_remove(&d, key_of(b), b));
	hksm_dual_fini(&d);
}

/* How often a user adds or removes one of its entries. */
#define TURNS	20000U

/**
 * struct dual_user - somebody who adds and removes entries of his own
 * @d: the table
 * @first: his first entry; he has every second one from there
 * @in: whether each is in the table
 * @turn: how often he has done so
 * @lost: times that something was not as he had left it
 * @task: he himself
 */
struct dual_user {
	struct hksm_dual *d;
	unsigned int first;
	bool in[ENTRIES];
	unsigned int turn;
	unsigned int lost;
	struct task_struct *task;
};

static int use(void *data)
{
	struct dual_user *u = data;
	u32 n = u->first;
	u64 b;

	while (u->turn < TURNS) {
		n = n * 1664525 + 1013904223;
		b = u->first + (n >> 16) % (ENTRIES / 2) * 2;
		if (u->in[b % ENTRIES])
			u->lost += !hksm_dual_remove(u->d, key_of(b), b);
		else
			u->lost += !hksm_table_insert(&u->d->now, key_of(b), b);
		u->in[b % ENTRIES] ^= true;
		WRITE_ONCE(u->turn, u->turn + 1);
		cond_resched();
	}
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

/* Entries are moved that others remove and add again. */
static void moved_while_used(struct kunit *test)
{
	struct dual_user *u = kunit_kcalloc(test, 2, sizeof(*u), GFP_KERNEL);
	unsigned int k, round, lost = 0;
	struct hksm_table t;
	struct hksm_dual d;
	u64 b;

	KUNIT_ASSERT_NOT_NULL(test, u);
	for (round = 0; round < 64; round++) {
		KUNIT_ASSERT_EQ(test, hksm_dual_init(&d, 2 * ENTRIES, 0), 0);
		memset(u, 0, 2 * sizeof(*u));
		for (b = 2; b < ENTRIES; b++) {
			u[b % 2].in[b] = true;
			lost += !hksm_table_insert(&d.now, key_of(b), b);
		}
		KUNIT_ASSERT_EQ(test, hksm_table_init(&t, 2 * ENTRIES, 0), 0);
		hksm_dual_begin(&d, &t);
		for (k = 0; k < 2; k++) {
			u[k].d = &d;
			u[k].first = 2 + k;
			u[k].task = kthread_run(use, &u[k], "hksm-kunit/%u", k);
			KUNIT_ASSERT_FALSE(test, IS_ERR(u[k].task));
		}
		while (READ_ONCE(u[0].turn) < 64 || READ_ONCE(u[1].turn) < 64)
			schedule_timeout_interruptible(1);
		for (b = 2; b < ENTRIES + 2; b++) {
			lost += hksm_dual_move(&d, key_of(b), b) < 0;
			cond_resched();
		}
		for (k = 0; k < 2; k++) {
			kthread_stop(u[k].task);
			lost += u[k].lost;
		}
		/* Each is there as often as its owner says, once or not at all. */
		for (b = 2; b < ENTRIES + 2; b++)
			if (u[b % 2].in[b % ENTRIES])
				lost += !hksm_dual_remove(&d, key_of(b), b);
		KUNIT_EXPECT_EQ(test, hksm_dual_used(&d), 0);
		hksm_dual_fini(&d);
	}
	KUNIT_EXPECT_EQ(test, lost, 0);
}

static struct kunit_case dual_cases[] = {
	KUNIT_CASE(replaced),
	KUNIT_CASE(moved_while_used),
	{}
};

static struct kunit_suite dual_suite = {
	.name = "hksm-dual",
	.test_cases = dual_cases,
};

kunit_test_suite(dual_suite);
