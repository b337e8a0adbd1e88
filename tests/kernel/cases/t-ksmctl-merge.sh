#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksmctl on a real kernel, with a process that merges: settle, procs, vmas,
# metrics, and unmerge.

. "${0%/*}/case.sh"
need_tool ksmctl

! has advisor_mode || set_knob advisor_mode none
set_knob run 0
hold h "$CASE_DIR/help-hold" -a -p 256 -g 4
point "$([ -n "$pid" ]; echo $?)" "a process with mergeable memory"

run ksmctl settle --timeout 1
want 1 "settle with the scanner off ends in time"
scan_fast
run ksmctl settle --scans 3 --timeout 100
want 0 "settle --scans"
ask h merged
is "$answer" merged "its pages have merged"
run ksmctl settle --timeout 100
want 0 "settle"
set_knob run 0

kib=$((256 * $(getconf PAGESIZE 2>/dev/null || echo 4096)))
run ksmctl procs -p "$pid" -b -n -r -o PID,STATE,MERGING
if [ -e /proc/self/ksm_merging_pages ]; then
	want 0 "procs -p"
	says "^$pid [a-z]+ $kib\$" "procs says how much it merges"
else
	skip "no ksm_merging_pages (5.19)"
fi
run ksmctl procs -x -n -r -o PID,STATE
want 0 "procs"
says "^$pid madvise\$" "procs lists it, as advised by itself"
run ksmctl procs --by comm -J
want 0 "procs --by comm"
says help-hold "procs groups by command"
run ksmctl vmas -p "$pid" -m -n -r -b -o SIZE,MERGE
want 0 "vmas"
says "^$kib yes\$" "vmas shows the mapping"
run ksmctl metrics --procs
want 0 "metrics"
says "help-hold|$pid" "metrics has the process"
run ksmctl doctor -p "$pid"
point "$([ "$rc" -le 1 ]; echo $?)" "doctor -p"

if others; then
	skip "unmerge: other processes here use KSM"
else
	run ksmctl unmerge -n
	want 0 "unmerge, dry run"
	ask h frames
	is "$answer" 4 "a dry run unmerges nothing"
	run ksmctl unmerge
	want 0 "unmerge"
	ask h frames
	is "$answer" 256 "every page has its own frame"
	is "$(knob pages_shared)" 0 "nothing is shared"
	run ksmctl get run
	point "$([ "$(cat out)" != 1 ]; echo $?)" "and merging is off"
fi
ask h check
is "$answer" 0 "its content has not changed"
run ksmctl procs -p 999999999
point "$([ "$rc" -ne 0 ]; echo $?)" "procs of no process"
end h
is "$rc" 0 "it ends well"
run ksmctl vmas -p "$pid"
want 1 "vmas of a process that is gone"
plan
