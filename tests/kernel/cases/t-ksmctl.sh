#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksmctl on a real kernel, settings: list and get agree with the files, set is
# all or nothing, start and stop, save and restore, and what the kernel refuses.

. "${0%/*}/case.sh"
need_tool ksmctl

# Directories are of no concern: an engine keeps its own figures in one.
all=$(cd "$KSM" && for a in *; do [ ! -f "$a" ] || echo "$a"; done)
snapshot() {
	for a in $all; do
		[ "$(stat -c %a "$KSM/$a")" != 644 ] || echo "$a=$(knob "$a")"
	done
}

run ksmctl list
want 0 "list"
missing=
for a in $all; do
	grep -q "^$a " out || missing="$missing $a"
done
is "$missing" "" "list has every file of this kernel"

run ksmctl get sleep_millisecs run
want 0 "get"
is "$(cat out)" "$(cat "$KSM/sleep_millisecs")
$(cat "$KSM/run")" "get prints the bare values"
wrong=
for a in $all; do
	# Where somebody else's scanner runs, counters move between two looks.
	! others || [ "$(stat -c %a "$KSM/$a")" = 644 ] || continue
	run ksmctl get "$a"
	[ "$rc" -eq 0 ] && [ "$(cat out)" = "$(knob "$a")" ] || wrong="$wrong $a"
done
is "$wrong" "" "get agrees with every file"
run ksmctl get no_such_thing
want 2 "get of an unknown attribute"

before=$(snapshot)
run ksmctl save file
want 0 "save"
! has advisor_mode || set_knob advisor_mode none

run ksmctl set pages_to_scan 777
want 0 "set of one"
is "$(knob pages_to_scan)" 777 "set has written it"
run ksmctl set pages_to_scan=778 sleep_millisecs=33
want 0 "set of two"
is "$(knob pages_to_scan) $(knob sleep_millisecs)" "778 33" "set has written both"
run ksmctl set pages_to_scan=779 run=3
want 2 "set of two, one out of range"
is "$(knob pages_to_scan)" 778 "set has written neither"
run ksmctl set -n pages_to_scan=780
want 0 "set, dry run"
is "$(knob pages_to_scan)" 778 "a dry run writes nothing"

if has advisor_mode; then
	run ksmctl set advisor_mode scan-time
	want 0 "set of the advisor"
	is "$(knob advisor_mode)" scan-time "the advisor is on"
	# Checked fine, and refused by the kernel only when written.
	old=$(knob sleep_millisecs)
	run ksmctl set sleep_millisecs=44 pages_to_scan=100
	want 1 "the rate cannot be set while the advisor owns it"
	warns advisor "and it says so"
	is "$(knob sleep_millisecs)" "$old" "what was written before is put back"
	run ksmctl set advisor_mode none
else
	skip "no advisor_mode (6.8)"
fi

run ksmctl diff file
want 1 "diff sees what differs"
run ksmctl restore file
want 0 "restore"
is "$(snapshot)" "$before" "restore has brought everything back"
run ksmctl diff file
want 0 "diff sees no difference now"

set_knob run 0
run ksmctl start
want 0 "start"
is "$(knob run)" 1 "it runs"
run ksmctl stop
want 0 "stop"
is "$(knob run)" 0 "it has stopped"
! has advisor_mode || set_knob advisor_mode none
run ksmctl start 1234 5
want 0 "start with rates"
is "$(knob run) $(knob pages_to_scan) $(knob sleep_millisecs)" "1 1234 5" \
	"it runs at these rates"
run ksmctl start 100 50 20
want 3 "start with MAX_MERGE: no kernel has it"
run ksmctl --pause
want 0 "--pause, as it was called once"
is "$(knob run)" 0 "it has stopped again"

for c in status info profile "doctor" metrics; do
	run ksmctl "$c"
	case $c:$rc in
	doctor:[01]) want "$rc" "doctor" ;;
	*) want 0 "$c" ;;
	esac
	point "$([ -s out ]; echo $?)" "$c says something"
done
run ksmctl watch -i 0.1 -c 3 --csv -n
want 0 "watch"
is "$(wc -l <out)" 3 "watch prints as many samples as asked"
plan
