#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# options.bats - one set of options for all tools: what an option means, where it may
# stand, its old spellings, and the answer when it selects nothing.

load ../lib/helpers

setup() { use_root 6.12-busy; }

# rows FUNCTION: its words are the fields of each line of stdin, divided by "|".
rows() {
	local line fields count=0

	while IFS= read -r line; do
		[[ -n ${line//[[:space:]]/} ]] || continue
		IFS='|' read -ra fields <<<"${line#"${line%%[![:space:]]*}"}"
		"$@" "${fields[@]}" || return
		count=$((count + 1))
	done
	((count > 1)) || fail "no rows"
}

# words LINE: its words, the fake root in place of @, as an array of that name.
words() { read -ra words <<<"${1//@/$ROOT}"; }

alike() {
	local out err code

	words "$1"
	run --separate-stderr "${words[@]}"
	out=$output err=$stderr code=$status
	words "$2"
	expect "$code" "${words[@]}" || return
	same "stdout of $1" "$out" "$output"
	# Messages may name the command or the program.
	same "stderr of $1" "$(head -n 1 <<<"$err")" "$(head -n 1 <<<"$stderr")"
	((code == ${3:-0})) || fail "status of $1: $code" "$err"
}

@test "before the command and behind it" {
	rows alike <<-'END'
		ksmctl -s @ -J list|ksmctl list -J -s @
		ksmctl -s @ -J|ksmctl status -J -s @
		ksmctl -s @ -b|ksmctl status -b -s @
		ksmctl -J -s @ get run|ksmctl get -J run -s @
		ksmctl -b -s @ procs|ksmctl procs -b -s @
		ksmctl -o PID,RSS -s @ procs|ksmctl procs -o PID,RSS -s @
		ksmctl --output PID --sysroot=@ -rn procs|ksmctl procs -r -n --output PID -s @
		ksmctl --sort -RSS -s @ procs|ksmctl procs --sort -RSS -s @
		ksmctl -p 2001 -s @ procs|ksmctl procs -p 2001 -s @
		ksmctl -p 2001 -s @ vmas|ksmctl vmas -p 2001 -s @
		ksmctl -s @ -a --csv procs -u 41003|ksmctl procs -s @ -a --csv -u 41003
		ksmctl --by unit -s @ procs|ksmctl procs --by unit -s @
		ksmctl --by=unit -s @ metrics|ksmctl metrics --by unit -s @
		ksmctl --procs=1M -s @ metrics|ksmctl metrics --procs=1M -s @
		ksmctl -N -s @ set run=0|ksmctl set -N run=0 -s @
		ksmctl -s @ -J -- get run|ksmctl get -J run -s @
		ksmctl -J -s @ set run=0|ksmctl set run=0 -J -s @|2
		ksmctl -s @ -J -r procs|ksmctl procs -J -r -s @|2
	END
	root_unchanged 6.12-busy
}

@test "before the verb and behind it: ksm-autotune" {
	need_autotune
	printf '[daemon]\ninterval=100ms\n' >"$ROOT/conf"
	rows alike <<-'END'
		ksm-autotune -C @/conf check-config|ksm-autotune check-config -C @/conf
		ksm-autotune --config=@/conf -s @ explain|ksm-autotune explain -C @/conf --sysroot=@
		ksm-autotune -n -c 2 -C @/conf -s @|ksm-autotune run --dry-run --count 2 -C @/conf -s @
		ksm-autotune -J -s @ status|ksm-autotune status -J -s @|1
		ksm-autotune --time -C /dev/null replay @|ksm-autotune replay @ -C /dev/null --time
		ksm-autotune -s @ replay @|ksm-autotune replay --sysroot @ @|2
		ksm-autotune --take -s @ kick|ksm-autotune kick --take -s @|2
		ksm-autotune -C @/none check-config|ksm-autotune check-config -C @/none|1
		ksm-autotune -J check-config|ksm-autotune check-config -J|2
		ksm-autotune help|ksm-autotune --help
		ksm-autotune help kick|ksm-autotune kick --help
		ksm-autotune help nosuch|ksm-autotune nosuch|2
	END
	rm "$ROOT/conf"
	root_unchanged 6.12-busy
}

@test "old spellings mean what the new ones do" {
	rows alike <<-'END'
		ksmctl set -n run=0 -s @|ksmctl set -N run=0 -s @
		ksmctl -n set run=0 -s @|ksmctl set --dry-run run=0 -s @
		ksmctl unmerge -n -s @|ksmctl unmerge -N -s @
		ksmctl restore -n /dev/null -s @|ksmctl restore -N /dev/null -s @
		ksmctl vmas -p 2301 -m -s @|ksmctl vmas -p 2301 -M -s @
		ksm-advise -c -p 2301 -s @|ksm-advise -C -p 2301 -s @
		ksm-advise -cd --all -p 2301 -s @|ksm-advise -C -d --madvised -p 2301 -s @
		ksm-advise -r -p 2301|ksm-advise -R -p 2301|2
		ksmtop -b -d 1 -s @|ksmtop -b -i 1 -s @
		ksmtop -b --delay=1 -s @|ksmtop -b --interval=1 -s @
		ksmtop -b --delay x|ksmtop -b -i x|2
		ksm-estimate --marked --compare|ksm-estimate -M --compare|2
	END
	root_unchanged 6.12-busy
}

in_page() {
	local old=${2//-/\\\\-}

	tr '\n' ' ' <"$KSM_SRCDIR/man/$1" | grep -qE "[( ]$old[, ][^.]*old (letter|spelling)" ||
		fail "$1 does not tell the old spelling $2"
}

@test "old spellings are told in the page of the tool" {
	rows in_page <<-'END'
		ksmctl.8|-n
		ksmctl.8|-m
		ksm-advise.1|-c
		ksm-advise.1|-r
		ksm-advise.1|--all
		ksmtop.1|-d
		ksmtop.1|--delay
		ksm-estimate.8|--marked
	END
}

# pids ARGUMENT...: each listing shows the same processes.
pids() {
	local want=${*: -1} args
	words "${*:1:$#-1}"
	args=("${words[@]}")

	expect 0 ksmctl procs -a -rn -o PID -s "$ROOT" "${args[@]}" || return
	same "ksmctl procs $*" "$(sort -n <<<"$output" | xargs)" "$want" || return
	expect 0 ksm-advise -C -n -o PID -s "$ROOT" "${args[@]}" || return
	same "ksm-advise -C $*" "$(sort -n <<<"$output" | xargs)" "$want" || return
	expect 0 ksmtop -ban -o PID -s "$ROOT" "${args[@]}" || return
	same "ksmtop -b $*" "$(sed '1,/^$/d' <<<"$output" | sort -n | xargs)" "$want"
}

@test "which processes: the same ones in all tools" {
	rows pids <<-'END'
		-p 2001,2150|2001 2150
		--pid=2001|2001
		-u 41003|2001 2002 2003
		--user 41003|2001 2002 2003
		--match qemu|1001 1002 1003 1010
		--match ^/usr/bin/qemu -p 1001,2001|1001
		-u 41003 --match nothing-like-it --tree -p 2001,1 --match .|2001
		--cgroup /machine.slice|1001 1002 1003
	END
}

@test "which processes: with all descendants" {
	expect 0 ksmctl procs -a -rn -o PID -s "$ROOT" --tree -p 1
	all=$(sort -n <<<"$output" | xargs)
	[[ $all == "1 "*" "* ]] || fail "it has no descendants: $all"
	pids --tree -p 1 "$all"
}

none() {
	words "$1"
	run --separate-stderr "${words[@]}" "${selection[@]}"
	same "status of $1 ${selection[*]}" "$status" "$wanted_status" || return
	same "$1 ${selection[*]}" "${stderr#*: }" "$wanted" || return
	stdout_is ""
}

TOOLS="ksmctl procs
ksmctl procs -J
ksmctl procs --by unit
ksm-advise -C
ksm-advise
ksm-advise -d
ksmtop -b
ksmtop -J
ksm-estimate -q
ksm-estimate -q -J"

@test "nothing matches: one answer and status 1" {
	wanted="no process matches" wanted_status=1
	for selection in "-u 4711017" "--cgroup /no/such/group" "--match ^no-such-program\$"; do
		read -ra selection <<<"$selection"
		rows none <<<"$TOOLS"
	done
	# The pattern is no part of the one who looks: his own command line does not count.
	selection=(--match "no-such-[x]program")
	rows none <<<"$(grep -v estimate <<<"$TOOLS")"
}

@test "nothing matches: a user that is not known is a usage error" {
	wanted_status=2 selection=(--user no-such-user)
	while IFS= read -r tool; do
		name=${tool%% *}
		[[ $tool != "ksmctl procs"* ]] || name="ksmctl procs"
		wanted="unknown user \"no-such-user\"
Try '$name --help' for more information."
		none "$tool"
	done <<<"$TOOLS"
}

@test "nothing matches: a number that no process has" {
	wanted_status=1 selection=(-p 999999999)
	wanted="999999999: cannot read: No such process"
	rows none <<<"$(grep -v advise <<<"$TOOLS")"
	for tool in "ksm-advise -C" "ksm-advise" "ksm-advise -d"; do
		# shellcheck disable=SC2086
		expect 1 $tool -p 999999999
		stdout_is ""
		stderr_has "999999999: cannot "
		stderr_has "o such process"
	done
	# Of several, the others are shown, and the status says that it was not all.
	expect 4 ksmctl procs -rn -o PID -p 999999,2001 -s "$ROOT"
	stdout_is 2001
	expect 4 ksm-advise -C -n -o PID -p 999999,2001 -s "$ROOT"
	[[ $output =~ ^\ *2001$ ]] || fail "$output"
	expect 4 ksmtop -bn -o PID -p 999999,2001 -s "$ROOT"
	[[ $output == *$'\n2001' ]] || fail "$output"
	stderr_is "ksmtop: 999999: cannot read: No such process"
}

@test "nothing to show is not nothing that matches" {
	expect 0 ksmctl procs -s "$ROOT" -p 1 -rn -o PID
	stdout_is 1
	expect 0 ksmctl procs -s "$ROOT" -u 0 --match '^/sbin/init' -rn -o PID
	stdout_is ""
	stderr_is "ksmctl: warning: none of these processes has mergeable memory (-a shows them)"
}

@test "--sort: the signs mean the same in all tools" {
	for sign in - +; do
		expect 0 ksmctl procs -rn -o PID --sort "${sign}PROFIT" -s "$ROOT"
		want=$(xargs <<<"$output")
		expect 0 ksmtop -bn -o PID --sort "${sign}PROFIT" -s "$ROOT"
		same "ksmtop --sort ${sign}PROFIT" "$(sed '1,/^$/d' <<<"$output" | xargs)" "$want"
	done
	[[ $want == *" "* ]] || fail "one process cannot be sorted"
}

@test "help is a word too" {
	rows alike <<-'END'
		ksmctl help|ksmctl --help
		ksmctl help vmas|ksmctl vmas --help
		ksmctl -v help set|ksmctl set -h
		ksmtop help|ksmtop --help
		ksm-estimate help|ksm-estimate --help
		ksmctl help nosuch|ksmctl nosuch|2
	END
	expect 2 ksmctl help set get
	stdout_is ""
	stderr_is "ksmctl: get: unexpected argument
Try 'ksmctl --help' for more information."
	expect 2 ksmtop help me
	stderr_has "ksmtop: help: unexpected argument"
	# A program may have that name.
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\necho ran "$@"\n' >"$BATS_TEST_TMPDIR/bin/help"
	chmod +x "$BATS_TEST_TMPDIR/bin/help"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH expect 0 ksm-advise -q -d help me
	stdout_is "ran me"
}

@test "-R=FILE is --report=FILE" {
	cd "$BATS_TEST_TMPDIR"
	run --separate-stderr ksm-advise -q --report=one -- true
	[[ $status == 0 ]] || skip "no merging on this kernel: $stderr"
	for option in -R=one -rone -Rone -r=one; do
		rm -f one ./=one
		expect 0 ksm-advise -q $option -- true
		[[ -s one && ! -e =one ]] || fail "$option: $(ls)"
	done
}
