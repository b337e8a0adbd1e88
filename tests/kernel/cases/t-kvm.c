// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A virtual machine writes to its memory while that is merged: its page tables
 * are others than the process's, and are told of a merge by notifiers. The guest
 * counts in every page, all the same way, so that all pages are equal again and
 * again; one lost count, and the case fails.
 */
#include "case.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES	64
#define ENTRIES	12
#define PASSES	100	/* over all pages, each time the guest is entered */
#define ID	0x6b766d0000ULL
#define PORT	0x10

/* 16 bit, at address 0; page 1 and those after it are counted in. */
static const uint8_t code[] = {
	0xb9, PASSES & 0xff, PASSES >> 8,	/*	mov	cx, PASSES */
	0xb8, 0x00, 0x01,			/* pass: mov	ax, 0x100 */
	0xba, PAGES & 0xff, PAGES >> 8,		/*	mov	dx, PAGES */
	0x8e, 0xd8,				/* page: mov	ds, ax */
	0xff, 0x06, 0x00, 0x00,			/*	inc	word [0] */
	0x05, 0x00, 0x01,			/*	add	ax, 0x100 */
	0x4a,					/*	dec	dx */
	0x75, 0xf4,				/*	jnz	page */
	0x49,					/*	dec	cx */
	0x75, 0xeb,				/*	jnz	pass */
	0xe6, PORT,				/*	out	PORT, al */
	0xeb, 0xe4,				/*	jmp	0 */
};

static char *mem;
static struct kvm_run *kvm_run;
static int vcpu;

static bool create(void)
{
	struct kvm_userspace_memory_region slot = {
		.memory_size = (PAGES + 1) * case_page_size(),
	};
	struct kvm_regs regs = { .rflags = 2 };
	struct kvm_sregs sregs;
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0);

	if (vm < 0) {
		case_skip("no virtual machine here: %s", strerror(errno));
		return false;
	}
	mem = case_map(PAGES + 1);
	memcpy(mem, code, sizeof(code));
	slot.userspace_addr = (uintptr_t)mem;
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot))
		case_die("memory of the guest: %s", strerror(errno));
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0)
		case_die("KVM_CREATE_VCPU: %s", strerror(errno));
	kvm_run = mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0),
		       PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (kvm_run == MAP_FAILED || ioctl(vcpu, KVM_GET_SREGS, &sregs))
		case_die("state of the guest: %s", strerror(errno));
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) ||
	    ioctl(vcpu, KVM_SET_REGS, &regs))
		case_die("state of the guest: %s", strerror(errno));
	return true;
}

static bool enter(void)
{
	while (ioctl(vcpu, KVM_RUN, 0))
		if (errno != EINTR && errno != EAGAIN)
			case_die("KVM_RUN: %s", strerror(errno));
	return kvm_run->exit_reason == KVM_EXIT_IO &&
	       kvm_run->io.port == PORT;
}

/* Pages that are not ID with so many counts on top. */
static size_t wrong(unsigned int counts)
{
	static uint64_t want[65536 / 8];
	size_t n = 0;

	case_fill(want, ID);
	want[0] += counts & 0xffff;
	for (size_t i = 1; i <= PAGES; i++)
		n += memcmp(case_page(mem, i), want, case_page_size()) != 0;
	return n;
}

#define HELD	"hksm/longest_notifier_ns"

/* The guest is kept from its memory for as long as a merge takes. */
static void held_up(void)
{
	long long ns = case_has(HELD) ? case_get(HELD) : -1;

	if (ns < 0)
		case_skip("this engine does not say how long notifiers wait");
	else
		case_ok(ns > 0, "notifiers waited for %lld ns at most", ns);
}

static void run(void)
{
	size_t bad = 0, merged = 0;
	unsigned int n;

	if (case_page_size() != 4096) {
		case_skip("the guest's code is for pages of 4 KiB");
		return;
	}
	if (!create())
		return;
	for (size_t i = 1; i <= PAGES; i++)
		case_fill(case_page(mem, i), ID);
	if (case_has(HELD) && case_write("/sys/kernel/mm/ksm/" HELD, "0"))
		case_die("%s cannot be cleared", HELD);
	if (madvise(case_page(mem, 1), PAGES * case_page_size(),
		    MADV_MERGEABLE))
		case_die("MADV_MERGEABLE: %s", strerror(errno));
	case_start();
	for (n = 1; n <= ENTRIES; n++) {
		if (!enter())
			break;
		bad += wrong(n * PASSES);
		/* Every other time it goes on at once, as in life. */
		if (n % 2)
			continue;
		case_wait_scans(3);
		merged += case_frames(case_page(mem, 1), PAGES) < PAGES;
	}
	case_ok(n > ENTRIES, "the guest ran (exit reason %u)",
		kvm_run->exit_reason);
	case_ok(bad == 0, "no count was lost (%zu pages)", bad);
	case_ok(merged > 0, "its pages were merged %zu times", merged);
	case_ok(case_wait_frames(case_page(mem, 1), PAGES, 1),
		"and all are in the end");
	case_ok(wrong(ENTRIES * PASSES) == 0, "content");
	held_up();
	case_stop();
}

const struct kcase kcase = {
	.needs = CASE_ROOT,
	.knobs = case_scan_knobs,
	.run = run,
};
