#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksm-advise on programs that nothing in their own process can help: set after
# exec by injection, where the kernel has the prctl; where it has not, madvise is
# injected again and again by the parent that --report leaves behind.

. "${0%/*}/case.sh"
need_tool ksm-advise
has_injection || skip_all "no injection on this machine"
scan_fast

# merges_in_time NAME TEXT: what is new is found at the next look, a second at most.
merges_in_time() {
	tries=0
	ask "$1" merged
	while [ "$answer" != merged ] && [ $tries -lt 60 ]; do
		tries=$((tries + 1))
		sleep 0.5
		ask "$1" merged
	done
	is "$answer" merged "$2"
}

if has_prctl; then
	hold inj ksm-advise -v -m inject -- "$CASE_DIR/help-hold" -p 128
	is "$pid" "$shell_pid" "no process stands between"
	merges_in_time inj "injected after exec: memory merges"
	ask inj any
	is "$answer" 1 "injected after exec: the whole process is mergeable"
	ask inj check
	is "$answer" 0 "injected after exec: content"
	end inj
	is "$rc" 0 "injected after exec: it ends well"
	run ksm-advise --strict -m inject -- sh -c 'exit 5'
	want 5 "injected while it is held"
	plan
	exit
fi

hold fol ksm-advise -v --report=report -- "$CASE_DIR/help-hold" -p 128
sed 's/^/# /' fol.err
merges_in_time fol "followed: memory of a static program merges"
ask fol more
merges_in_time fol "followed: so does what is mapped later"
ask fol check
is "$answer" 0 "followed: content"
end fol
is "$rc" 0 "followed: it ends well"
point "$(grep -q 'mechanism follow' report; echo $?)" "followed: the report says so"
sed 's/^/# /' report

# One that would be followed by nobody runs all the same.
run ksm-advise -- "$CASE_DIR/help-hold" -p 1
want 0 "not followed: it runs"
warns 'runs without merging: it is statically linked' "not followed: and that is told"
run ksm-advise -m inject -- "$CASE_DIR/help-hold" -p 1
want 125 "nobody to inject: not run"
plan
