#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# slow-stress.sh - stress-ng's memory stressors, a third of them at a time, every
# process of them taking part in merging, while the scanner never pauses. The
# kernel log is what is judged, by the runner; stress-ng looks whether it reads
# what it wrote (--verify).
#
# STRESS_SECONDS in the environment (run-qemu -a STRESS_SECONDS=60): how long in
# all, 600 without it. STRESS_ONLY=fork,vm: only these stressors.
# From the host: /usr/bin/stress-ng

. "${0%/*}/case.sh"

command -v stress-ng >/dev/null || skip_all "stress-ng is not installed"
keeps_over_exec || skip_all "exec ends merging here (before 6.7)"
seconds=${STRESS_SECONDS:-600}

# The third as nobody: as root, madvise poisons its memory and dies of it, and exec
# does nothing.
set -- "brk clone fork pageswap userfaultfd vfork vforkmany vm vm-splice zero" \
	"memhotplug mlock mmap mmapfork mprotect mremap munmap numa remap vm-rw" \
	"nobody bigheap exec fault madvise malloc memthrash mincore msync shm stack stackmmap tmpfs vm-addr vm-segv"
[ -z "${STRESS_ONLY-}" ] || set -- "$(echo "$STRESS_ONLY" | tr , ' ')"
known=$(stress-ng --help 2>&1 | grep -oE -e '--[a-z0-9-]+')

chmod 1777 "$work"
scan_fast
set_knob sleep_millisecs 0
set_knob use_zero_pages 1
set_knob smart_scan 1
for group; do
	args='' as=
	for name in $group; do
		if [ "$name" = nobody ]; then
			as=-n
		elif echo "$known" | grep -qx -e "--$name"; then
			args="$args --$name 1"
		else
			echo "# this stress-ng has no $name"
		fi
	done
	passes=$(knob full_scans) most=0 rc=0
	# shellcheck disable=SC2086
	"$CASE_DIR/help-any" $as stress-ng --timeout $((seconds / $#))s --oomable --verify \
		--page-in --vm-bytes 16m --mmap-bytes 8m --malloc-bytes 8m --shm-bytes 4m \
		--mremap-bytes 4m --temp-path "$work" --metrics-brief --verbose \
		$args >out 2>&1 </dev/null &
	pid=$!
	holds=$pid
	while kill -0 "$pid" 2>/dev/null; do
		sleep 1
		now=$(($(knob pages_sharing) + $(knob ksm_zero_pages)))
		[ "$now" -le "$most" ] || most=$now
	done
	wait "$pid" || rc=$?
	holds=
	sed 's/^stress-ng: /# /; t; s/^/# /' out
	passes=$(($(knob full_scans) - passes))
	echo "# most pages merged at a time: $most; passes: $passes"
	# 3, 4: some stressor has no use for this machine. Nothing else is harmless.
	[ "$rc" -lt 3 ] || [ "$rc" -gt 4 ] || rc=0
	point "$rc" "stress-ng found all as it wrote it (status $rc): $group"
	[ "$most" -gt 0 ] && [ "$passes" -gt 0 ]
	point $? "pages were merged meanwhile ($most at a time)"
done
[ ! -e "$KSM/hksm" ] || grep . "$KSM"/hksm/* | sed 's/^/# /'
plan
