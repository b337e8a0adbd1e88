#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksm-advise on a real kernel, wrapping a command: it is transparent, the
# command's memory merges by the best way this kernel has, its children's too,
# and no process or setting stays behind.

. "${0%/*}/case.sh"
need_tool ksm-advise

# Transparent

for code in 0 1 42; do
	run ksm-advise -- sh -c "exit $code"
	want $code "exit status $code"
done
run ksm-advise -- sh -c 'kill -TERM $$'
want 143 "128 + N for signal N"
run ksm-advise -- /nonexistent/command
want 127 "no such command"
run ksm-advise -- /proc
want 126 "cannot be executed"
run ksm-advise --no-such-option -- true
want 125 "a mistake of usage"
is "$(echo through | ksm-advise -- cat)" through "standard input and output"
run ksm-advise -- sh -c 'echo "$0"' word
is "$(cat out)" word "arguments"
run ksm-advise -q -- sh -c 'ls -l /proc/self/fd | wc -l'
cp out fds
run sh -c 'ls -l /proc/self/fd | wc -l'
is "$(cat fds)" "$(cat out)" "no file descriptor is left to the command"

# merges NAME TEXT: what is mapped before and after, and in a child, merges.
merges() {
	ask "$1" merged
	is "$answer" merged "$2: memory merges"
	ask "$1" more
	ask "$1" merged
	is "$answer" merged "$2: so does what is mapped later"
	ask "$1" fork
	is "$answer" merged "$2: so does a child's"
	ask "$1" check
	is "$answer" 0 "$2: content"
}

scan_fast

# The usual way

hold dyn ksm-advise -v -- "$CASE_DIR/help-hold.dyn" -p 128
point "$([ -n "$pid" ]; echo $?)" "a dynamic program starts"
is "$pid" "$shell_pid" "no process stands between"
sed 's/^/# /' dyn.err
ask dyn any
if has_prctl; then
	is "$answer" 1 "the whole process is mergeable"
	is "$(tr '\0' '\n' <"/proc/$pid/environ" | grep -c LD_PRELOAD)" 0 \
		"without a preload library"
else
	point "$([ "$answer" -lt 0 ]; echo $?)" "this kernel has no prctl"
fi
merges dyn dynamic
end dyn
is "$rc" 0 "it ends well"

if has_prctl; then
	hold static ksm-advise -v -- "$CASE_DIR/help-hold" -p 128
	sed 's/^/# /' static.err
	ask static any
	is "$answer" 1 "a static program is mergeable as a whole"
	merges static static
	end static
	is "$rc" 0 "it ends well"
	run ksm-advise --strict -- true
	want 0 "--strict"
	# While the scanner does its best to lose the setting at exec.
	lost=0
	i=0
	while [ $i -lt 25 ]; do
		hold "s$i" ksm-advise --strict -- "$CASE_DIR/help-hold" -p 1 -g 1
		ask "s$i" any
		[ "$answer" = 1 ] || lost=$((lost + 1))
		end "s$i"
		i=$((i + 1))
	done
	is "$lost" 0 "none of $i programs has lost the setting at exec"
else
	run ksm-advise --strict -- "$CASE_DIR/help-hold" </dev/null
	want 125 "--strict: a static program cannot be helped on this kernel"
fi

# The preload library, where it is asked for

hold pre ksm-advise -v -m preload -- "$CASE_DIR/help-hold.dyn" -p 128
sed 's/^/# /' pre.err
ask pre any
point "$([ "$answer" -le 0 ]; echo $?)" "preload: the process is not mergeable as a whole"
merges pre preload
end pre
is "$rc" 0 "preload: it ends well"

# Options that stay with the command

set_knob run 0
hold scan ksm-advise -S -- "$CASE_DIR/help-hold.dyn" -p 128
is "$(knob run)" 1 "--scanner: KSM runs while the command does"
ask scan merged
is "$answer" merged "--scanner: memory merges"
end scan
is "$rc" 0 "--scanner: it ends well"
is "$(knob run)" 0 "--scanner: what was found is put back"

scan_fast
hold rep ksm-advise --report=report -- "$CASE_DIR/help-hold.dyn" -p 128
ask rep merged
is "$answer" merged "--report: memory merges"
end rep
is "$rc" 0 "--report: it ends well"
point "$([ -s report ]; echo $?)" "--report: there is one"
sed 's/^/# /' report
run ksm-advise --report=report -- sh -c 'exit 7'
want 7 "--report: the command's exit status"
run ksm-advise --report=report -- sh -c 'kill -KILL $$'
want 137 "--report: the command's signal"
plan
