// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: nodes that cannot be filed where they belong, two of one content, and
 * nodes of broken memory. The engine they are of is one of the test's own.
 */
#include <kunit/test.h>
#include <linux/gfp.h>

#include "../index.h"
#include "../stable.h"
#include "../target.h"

#define BUCKETS		64
#define FULL		(HKSM_RUN_MAX * HKSM_WAYS)
#define COPIES		9

struct bench {
	struct hksm h;
	struct hksm_node *filler[FULL];
	struct hksm_node *node[COPIES];
	struct page *page;
	int here;
	u64 digest;
};

static struct hksm_node *filed(struct kunit *test, int nid, unsigned long pfn,
			       u64 key)
{
	struct bench *b = test->priv;
	struct hksm_node *node = hksm_node_alloc(&b->h, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, node);
	node->nid = nid;
	node->kpfn = pfn;
	KUNIT_ASSERT_EQ(test, hksm_stable_file(&b->h, node, key, NULL, NULL),
			0);
	return node;
}

static unsigned long used(struct hksm *h)
{
	unsigned long n = 0;
	unsigned int i;

	for (i = 0; i < HKSM_SHARDS; i++)
		n += hksm_dual_used(&h->stable[i].table);
	return n;
}

static unsigned long family_nodes(struct hksm *h)
{
	unsigned long n;

	hksm_stable_families(h, &n);
	return n;
}

static int bench_init(struct kunit *test)
{
	struct bench *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	struct hksm *h;

	if (!b)
		return -ENOMEM;
	test->priv = b;
	h = &b->h;
	init_rwsem(&h->sem);
	h->node_cache = hksm.node_cache;
	h->family_cache = hksm.family_cache;
	h->block_cache = hksm.block_cache;
	h->max_page_sharing = 256;
	/* Contents of the other NUMA node are in another shard. */
	h->nid_salt = 1ULL << 63;
	b->page = alloc_page(GFP_KERNEL);
	if (!b->page || hksm_index_init(h))
		return -ENOMEM;
	hksm_dual_fini(&h->stable[0].table);
	if (hksm_dual_init(&h->stable[0].table, BUCKETS * HKSM_WAYS,
			   HKSM_SHARD_BITS))
		return -ENOMEM;
	b->here = hksm_nid(h, page_to_pfn(b->page));
	b->digest = hksm_key(h, 1ULL << HKSM_KEY_SHIFT, b->here);
	return 0;
}

static void bench_exit(struct kunit *test)
{
	struct bench *b = test->priv;

	if (!b)
		return;
	hksm_index_fini(&b->h);
	if (b->page)
		__free_page(b->page);
}

/* Leave no room where the table would have the content. */
static void fill(struct kunit *test)
{
	struct bench *b = test->priv;
	u64 i;

	for (i = 0; i < FULL; i++)
		b->filler[i] = filed(test, b->here, 0,
				     (i / HKSM_WAYS) << (58 - HKSM_SHARD_BITS) |
				     (16 + i % HKSM_WAYS) << HKSM_KEY_SHIFT);
}

static void empty(struct kunit *test)
{
	struct bench *b = test->priv;
	unsigned int i;

	for (i = 0; i < FULL; i++)
		hksm_node_drop(&b->h, b->filler[i]);
}

/*
 * Nodes of one content that moved to another NUMA node, the table of which has
 * no room for it at first.
 */
static void moved(struct kunit *test, unsigned int copies)
{
	struct bench *b = test->priv;
	unsigned long pfn = page_to_pfn(b->page);
	struct hksm *h = &b->h;
	u64 here = hksm_key(h, b->digest, b->here);
	u64 there = hksm_key(h, b->digest, b->here ^ 1);
	unsigned int i, turn;

	fill(test);
	for (i = 0; i < copies; i++)
		b->node[i] = filed(test, b->here ^ 1, pfn, there);
	for (turn = 0; turn < 2; turn++) {
		for (i = 0; i < copies; i++) {
			hksm_stable_refile(h, b->node[i]);
			KUNIT_EXPECT_TRUE(test, b->node[i]->filing &
					  HKSM_NODE_FILED);
			KUNIT_EXPECT_EQ(test, b->node[i]->nid, b->here ^ 1);
		}
		KUNIT_EXPECT_NOT_NULL(test, hksm_stable_find(h, there));
		KUNIT_EXPECT_EQ(test, family_nodes(h), copies > 1 ? copies : 0);
	}
	empty(test);
	for (i = 0; i < copies; i++) {
		hksm_stable_refile(h, b->node[i]);
		KUNIT_EXPECT_EQ(test, b->node[i]->nid, b->here);
	}
	KUNIT_EXPECT_NULL(test, hksm_stable_find(h, there));
	KUNIT_EXPECT_NOT_NULL(test, hksm_stable_find(h, here));
	KUNIT_EXPECT_EQ(test, family_nodes(h), copies > 1 ? copies : 0);

	/* They are all found when their memory goes. */
	down_write(&h->sem);
	hksm_stable_offline(h, pfn, pfn + 1);
	hksm_stable_free_limbo(h);
	up_write(&h->sem);
	KUNIT_EXPECT_EQ(test, used(h), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&h->meta_bytes), 0);
}

static bool knows(struct hksm_node *node, void *arg)
{
	return node == arg;
}

/* Two scanners make a merged page of one content. */
static void twice(struct kunit *test)
{
	struct bench *b = test->priv;
	struct hksm *h = &b->h;
	struct hksm_node *first = filed(test, b->here, 0, b->digest);
	struct hksm_node *second = hksm_node_alloc(h, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, second);
	KUNIT_EXPECT_EQ(test, hksm_stable_file(h, second, b->digest, knows,
					       NULL), -EEXIST);
	KUNIT_EXPECT_EQ(test, family_nodes(h), 0);
	/* One that is full, or the caller's own, is no reason. */
	first->nr = h->max_page_sharing;
	KUNIT_EXPECT_EQ(test, hksm_stable_file(h, second, b->digest, knows,
					       NULL), 0);
	KUNIT_EXPECT_EQ(test, family_nodes(h), 2);
	hksm_node_drop(h, second);
	first->nr = 0;
	second = hksm_node_alloc(h, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, second);
	KUNIT_EXPECT_EQ(test, hksm_stable_file(h, second, b->digest, knows,
					       first), 0);
	hksm_node_drop(h, second);
	/* Who drops one that is dropped already does nothing. */
	hksm_node_drop(h, second);
	KUNIT_EXPECT_EQ(test, used(h), 1);
	hksm_node_drop(h, first);
	KUNIT_EXPECT_EQ(test, used(h), 0);
	KUNIT_EXPECT_NE(test, atomic_long_read(&h->meta_bytes), 0);
	down_write(&h->sem);
	hksm_stable_free_limbo(h);
	up_write(&h->sem);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&h->meta_bytes), 0);
}

static void refile(struct kunit *test)
{
	unsigned int copies;

	for (copies = 1; copies <= COPIES; copies++)
		moved(test, copies);
}

#ifdef CONFIG_MEMORY_FAILURE
/* A merged page that is broken and cannot be unmapped. */
static void broken(struct kunit *test)
{
	struct bench *b = test->priv;
	struct folio *folio = page_folio(b->page);
	unsigned long pfn = page_to_pfn(b->page);
	struct hksm_item item = { .page = b->page };
	struct hksm *h = &b->h;
	struct hksm_node *node;
	struct hksm_scanner *sc;

	sc = kunit_kzalloc(test, sizeof(*sc), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, sc);
	sc->h = h;
	/* With that of bench_init() every other node has the same contents. */
	h->nid_salt = 0x9e3779b97f4a7c15ULL;
	item.key = hksm_key(h, b->digest, b->here);
	node = filed(test, b->here, pfn, item.key);
	hksm_folio_tag(folio, node);
	atomic_set(&folio->_mapcount, 0);
	SetPageHWPoison(b->page);

	/* It is neither taken nor waited for. */
	KUNIT_EXPECT_NULL(test, hksm_target_find(sc, &item));
	KUNIT_EXPECT_NULL(test, hksm_stable_find(h, item.key));
	KUNIT_EXPECT_TRUE(test, node->filing & HKSM_NODE_FILED);
	KUNIT_EXPECT_FALSE(test, folio_test_locked(folio));
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), 1);

	ClearPageHWPoison(b->page);
	atomic_set(&folio->_mapcount, -1);
	folio->mapping = NULL;
	down_write(&h->sem);
	hksm_stable_offline(h, pfn, pfn + 1);
	hksm_stable_free_limbo(h);
	up_write(&h->sem);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&h->meta_bytes), 0);
}
#endif

static struct kunit_case stable_cases[] = {
	KUNIT_CASE(refile),
	KUNIT_CASE(twice),
#ifdef CONFIG_MEMORY_FAILURE
	KUNIT_CASE(broken),
#endif
	{}
};

static struct kunit_suite stable_suite = {
	.name = "hksm-stable",
	.init = bench_init,
	.exit = bench_exit,
	.test_cases = stable_cases,
};

kunit_test_suite(stable_suite);
