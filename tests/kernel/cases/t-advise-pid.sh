#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksm-advise -p on a real kernel: running processes get mergeable, and are
# otherwise as before: their threads, their blocked system calls, their memory,
# whether they are stopped. On kernels without prctl each mapping they have now
# is advised.

. "${0%/*}/case.sh"
need_tool ksm-advise
has_injection || skip_all "no PTRACE_GETREGSET on this kernel"

! has advisor_mode || set_knob advisor_mode none
scan_fast

state() { sed 's/.*) \(.\).*/\1/' "/proc/$1/stat"; }

for kind in "" .dyn; do
	h=h${kind#.}
	hold "$h" "$CASE_DIR/help-hold$kind" -p 256 -t 9
	run ksm-advise -c -p "$pid" -n
	want 0 "help-hold$kind: --check"
	says "off" "help-hold$kind: --check says it takes no part"
	ask "$h" threads
	is "$answer" "alive 9" "help-hold$kind: its threads live"

	run ksm-advise -v -p "$pid"
	want 0 "help-hold$kind: -p"
	told
	ask "$h" threads
	is "$answer" "alive 9" "help-hold$kind: they live on, and saw nothing"
	if has_prctl; then
		ask "$h" any
		is "$answer" 1 "help-hold$kind: the whole process is mergeable"
	fi
	ask "$h" merged
	is "$answer" merged "help-hold$kind: its memory merges"
	if has_prctl; then
		ask "$h" more
		ask "$h" merged
		is "$answer" merged "help-hold$kind: so does what is mapped later"
		ask "$h" fork
		is "$answer" merged "help-hold$kind: so does a child's"
	fi
	run ksm-advise -c -p "$pid" -n
	want 0 "help-hold$kind: --check again"
	says "any|madvise" "help-hold$kind: --check says it takes part"
	run ksm-advise -p "$pid"
	want 0 "help-hold$kind: -p again"
	ask "$h" check
	is "$answer" 0 "help-hold$kind: content"

	run ksm-advise -d -p "$pid"
	want 0 "help-hold$kind: -d -p"
	ask "$h" frames
	is "$answer" 256 "help-hold$kind: every page has its own frame"
	ask "$h" threads
	is "$answer" "alive 9" "help-hold$kind: its threads live on"
	ask "$h" check
	is "$answer" 0 "help-hold$kind: content after it"
	end "$h"
	is "$rc" 0 "help-hold$kind: it ends well"
done

# Several at once, one by its parent, one stopped, one gone

hold a "$CASE_DIR/help-hold" -p 64
pid_a=$pid
# A shell gives its background jobs no standard input unless told to.
hold b sh -c "exec 3<&0; '$CASE_DIR/help-hold' -p 64 <&3 & wait"
pid_b=$pid
parent=$shell_pid
hold c "$CASE_DIR/help-hold" -p 64
pid_c=$pid
kill -STOP "$pid_c"
while [ "$(state "$pid_c")" != T ]; do sleep 0.01; done

run ksm-advise -p "$pid_a,$pid_c"
want 0 "two at once, one of them stopped"
told
is "$(state "$pid_c")" T "the stopped one is still stopped"
kill -CONT "$pid_c"
for h in a c; do
	ask $h merged
	is "$answer" merged "$h: merges"
	ask $h check
	is "$answer" 0 "$h: content"
done
ask b frames
is "$answer" 64 "b, not named, does not merge"
run ksm-advise --tree -p "$parent"
want 0 "--tree"
ask b merged
is "$answer" merged "b, a child of what was named, merges"

end c
run ksm-advise -d -p "$pid_a,$pid_c"
want 4 "one of two is gone: partly done"
ask a frames
is "$answer" 64 "and the other is done"
run ksm-advise -p "$pid_c"
want 1 "gone: failed"

# Settled when it returns

run ksm-advise -w --timeout 100 -p "$pid_a"
want 0 "--wait"
ask a frames
is "$answer" 4 "merged when --wait returns"
ask a check
is "$answer" 0 "a: content"
end a
is "$rc" 0 "a ends well"
ask b check
is "$answer" 0 "b: content"

# In another pid namespace its number is another one

hold ns unshare -p -f "$CASE_DIR/help-hold" -p 64
if [ "$pid" = 1 ]; then
	outer=$(cat "/proc/$shell_pid/task/$shell_pid/children" 2>/dev/null)
	run ksm-advise -p "${outer% }"
	want 0 "in another pid namespace"
	told
	ask ns merged
	is "$answer" merged "ns: merges"
	ask ns check
	is "$answer" 0 "ns: content"
	end ns
else
	skip "no pid namespaces here"
fi

# Nothing of ours is left: nobody is traced, nobody stopped

left=
for p in $pid_b $parent; do
	[ "$(sed -n 's/^TracerPid:[^0-9]*//p' "/proc/$p/status")" = 0 ] || left="$left $p"
	[ "$(state "$p")" = S ] || left="$left $p:$(state "$p")"
done
is "$left" "" "nobody is left traced or stopped"
end b
plan
