#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Has the kernel change its code 600 times while the processors execute it. What
# that needs is there in Debian's kernels.
knob=/proc/sys/kernel/sched_schedstats
while :; do sleep 0.001; done &
one=$!
while :; do sleep 0.0013; done &
two=$!
i=0
while [ "$i" -lt 300 ] && echo 1 >"$knob" && echo 0 >"$knob"; do
	i=$((i + 1))
done
kill "$one" "$two"
wait
[ "$i" -eq 300 ] || printf 'not '
echo "ok 1 - code changed"
echo "1..1"
