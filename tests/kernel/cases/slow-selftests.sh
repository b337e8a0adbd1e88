#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# slow-selftests.sh - the kernel's own tests of mm/, in /selftests, where
# run-selftests puts them. ksm_tests works with a scanner of its own; all others
# run as processes whose whole memory takes part in merging, while the scanner
# never pauses. Prints what they print as "NAME| line" and "NAME| exit STATUS";
# what they find is not judged here, as some fail under merging on any engine:
# run-selftests compares engines. Judged here: that each ends by itself, and, by
# the runner, the kernel log.
#
# SELFTESTS in the environment (run-qemu -a SELFTESTS=cow,migration): only these.

. "${0%/*}/case.sh"

dir=/selftests
[ -d "$dir" ] || skip_all "the kernel's tests are not here (see run-selftests)"
keeps_over_exec || skip_all "exec ends merging here (before 6.7)"

# one NAME SECONDS COMMAND...
one() {
	one_name=$1 one_limit=$2
	shift 2
	case ",${SELFTESTS-}," in
	,, | *,"${one_name%%:*}",*) ;;
	*) return 0 ;;
	esac
	[ -x "$dir/${one_name%%:*}" ] || return 0
	one_rc=0
	timeout -k 5 "$one_limit" "$@" >out 2>&1 </dev/null || one_rc=$?
	sed "s/^/$one_name| /" out
	echo "$one_name| exit $one_rc"
	[ "$one_rc" -lt 124 ]
	point $? "$one_name ended (status $one_rc)"
	echo 3 >/proc/sys/vm/drop_caches
}

# merged NAME SECONDS [ARG...]: with a busy scanner.
merged() {
	merged_name=$1 merged_limit=$2
	shift 2
	scan_fast
	set_knob sleep_millisecs 0
	set_knob use_zero_pages 1
	one "$merged_name" "$merged_limit" "$CASE_DIR/help-any" \
		"$dir/${merged_name%%:*}" "$@"
}

# alone NAME SECONDS [ARG...]: it sets what it needs.
alone() {
	alone_name=$1 alone_limit=$2
	shift 2
	set_knob run 2
	set_knob run 0
	set_knob sleep_millisecs 20
	set_knob use_zero_pages 0
	one "$alone_name" "$alone_limit" "$dir/${alone_name%%:*}" "$@"
}

balancing=/proc/sys/kernel/numa_balancing
echo 64 >/proc/sys/vm/nr_hugepages

# It says on which node a page is, and counts merged ones.
[ ! -e $balancing ] || echo 0 >$balancing
alone ksm_functional_tests:alone 900
for pages in 10 257 1000; do
	alone "ksm_tests:-M -p $pages" 400 -M -p $pages -l 300
done
alone "ksm_tests:-U" 400 -U -l 300
alone "ksm_tests:-Z -z 0" 400 -Z -p 10 -z 0 -l 300
alone "ksm_tests:-Z -z 1" 400 -Z -p 10 -z 1 -l 300
alone "ksm_tests:-N -m 1" 400 -N -m 1 -l 300
alone "ksm_tests:-N -m 0" 400 -N -m 0 -l 300
[ ! -e $balancing ] || echo 1 >$balancing

merged ksm_functional_tests 900
merged gup_longterm 400
# One by one: it ends with the first that fails.
for name in $([ ! -x $dir/uffd-unit-tests ] || "$dir/uffd-unit-tests" -l); do
	merged "uffd-unit-tests:$name" 900 -f "$name"
done
merged "uffd-stress:anon" 400 anon 8 4
merged "uffd-stress:shmem" 400 shmem 8 4
merged "uffd-stress:shmem-private" 400 shmem-private 8 4
merged "uffd-stress:hugetlb" 400 hugetlb 32 4
merged "uffd-stress:hugetlb-private" 400 hugetlb-private 32 4
merged migration 900
merged "khugepaged:anon" 900 all:anon
merged "khugepaged:shmem" 900 all:shmem
merged mremap_test 900
merged mremap_dontunmap 300
merged mkdirty 300
merged soft-dirty 900
merged madv_populate 300
merged pagemap_ioctl 1200
merged split_huge_page_test 600
merged transhuge-stress 300 -d 20
merged cow 2400
for what in -P -H -D -C; do
	alone "ksm_tests:$what" 600 $what -s 20 -l 500
done

[ "$n" -gt 0 ] || skip_all "none of $SELFTESTS is here"
plan
