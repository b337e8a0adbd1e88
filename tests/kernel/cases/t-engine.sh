#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksmctl engine load and unload, with a process that merges: the module takes over with
# the settings, and gives them back. Skipped where there is no /hksm.ko.

. "${0%/*}/case.sh"
need_tool ksmctl
[ -e /hksm.ko ] || skip_all "there is no /hksm.ko"

! has advisor_mode || set_knob advisor_mode none
hold h "$CASE_DIR/help-hold" -a -p 256 -g 4
point "$([ -n "$pid" ]; echo $?)" "a process with mergeable memory"
scan_fast
ask h merged
is "$answer" merged "its pages have merged"
set_knob pages_to_scan 12345

run ksmctl engine
says '^engine ksm, Linux' "engine: mm/ksm.c merges"
run ksmctl engine -N load /hksm.ko
want 0 "load, dry run"
says '^unmerging needs ' "which tells what it takes"
ask h frames
is "$answer" 4 "and does nothing"
run ksmctl engine load /nonexistent
want 1 "load, no such file"
warns 'nonexistent: not loaded: No such file' "says so"
is "$(knob run)" 1 "and KSM runs on"

run ksmctl engine load /hksm.ko
want 0 "load"
is "$(cat err)" "" "without a warning"
says '^engine hksm, a module' "hksm is in"
point "$(has hksm/metadata_bytes; echo $?)" "its files are there"
is "$(knob run)" 1 "it runs, as before"
is "$(knob pages_to_scan)" 12345 "with the settings as they were"
ask h merged
is "$answer" merged "it merges the process that had asked mm/ksm.c for it"
run ksmctl engine
says '^engine hksm, a module, Linux' "engine: hksm, a module"
run ksmctl engine -J
says '"module": *"in"' "engine -J: the same"
run ksmctl status
says '^state .*\(engine hksm, a module\)' "status: the same"
run ksmctl engine -v load /hksm.ko
want 0 "load, once more"
warns 'loaded already' "has nothing to do"
run ksmctl doctor -p "$pid"
point "$([ "$rc" -le 1 ]; echo $?)" "doctor"
run ksmctl engine unload
want 0 "unload"
is "$(cat err)" "" "without a warning"
says '^engine ksm' "mm/ksm.c is back"
point "$(! has hksm/metadata_bytes; echo $?)" "without the files of hksm"
point "$([ ! -e /sys/module/hksm ]; echo $?)" "and without the module"
is "$(knob run)" 1 "it runs, as before"
is "$(knob pages_to_scan)" 12345 "with the settings as they were"
ask h merged
is "$answer" merged "it merges the process again"

modules=/lib/modules/$(uname -r)
mkdir -p "$modules"
cp /hksm.ko "$modules/"
[ -e "$modules/modules.dep" ] || echo "hksm.ko:" >"$modules/modules.dep"
run ksmctl engine load
want 0 "load, what modprobe finds"
says '^engine hksm, a module' "hksm is in"
run ksmctl -q engine unload
want 0 "unload, quietly"
is "$(cat out err)" "" "which says nothing"
rm -r "$modules"

run ksmctl engine -v unload
want 0 "unload, once more"
warns 'not loaded' "has nothing to do"
plan
