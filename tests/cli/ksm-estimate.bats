#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksm-estimate.bats - options, messages, formats; sketches by way of files; the
# manual page.  What it reads is a process of one's own; figures are held to the
# kernel in tests/kernel and tests/live.

load ../lib/helpers

setup() { cd "$BATS_TEST_TMPDIR" || return; }

# A process whose memory may be read; $spawned.
target() {
	spawn sleep 1000
	wait_until grep -q '^Name:.*sleep' "/proc/$spawned/status"
	wait_until readable
}
readable() { ksm-estimate -q -p "$spawned" >/dev/null 2>&1; }

@test "usage errors" {
	local args
	for args in "-p 0" "-p 1,x" "--sample 0" "--sample 101" "--full --sample 5" "--passes 0" \
		"--interval 1s" "--by nothing" "--max-cpu x" "--pieces=3M" "--pieces=0" "--pieces=x" \
		"--pieces=32K" "--pieces=1T" "--pieces --vmas" "--pieces --sketch x" \
		"--max-rate 0" "--max-memory 1M" "-j 0" "extra" \
		"--compare" "-p 1 --all" "-o NOSUCH" "--sketch x --pairs" "--sketch x --sample 5" \
		"--match ["; do
		# shellcheck disable=SC2086
		expect 2 ksm-estimate $args
		stdout_is ""
		stderr_has "Try 'ksm-estimate --help' for more information."
	done
}

@test "a dump has no memory: exit 3" {
	use_root 6.12-busy
	expect 3 ksm-estimate -s "$ROOT"
	stdout_is ""
	stderr_is "ksm-estimate: $ROOT: a dump holds no memory to read"
	root_unchanged 6.12-busy
}

@test "one process: text, JSON, CSV, raw" {
	target
	expect 0 ksm-estimate -q -p "$spawned"
	stdout_has "saved if merged"
	stdout_has "sleep"
	expect 0 ksm-estimate -q -J -p "$spawned" --pairs --vmas
	valid_json
	stdout_has '"mode": "full"'
	stdout_has "\"pid\": $spawned"
	stdout_has '"pairs": ['
	stdout_has '"vmas": ['
	expect 0 ksm-estimate -q --csv -n -o PID,COMMAND -p "$spawned"
	stdout_is "$spawned,sleep"
	expect 0 ksm-estimate -q -r -n -o COMMAND -p "$spawned" --sample 50
	stdout_is "sleep"
	expect 0 ksm-estimate -q -r -n -o GROUP,PROCS -p "$spawned" --by comm
	stdout_is "sleep 1"
}

@test "figures add up: anonymous memory is unique, duplicate, merged, shared or gone" {
	target
	expect 0 ksm-estimate -q -p "$spawned" -b -r -n -o ANON,UNIQUE,DUP,MERGED,SAME,GONE
	# shellcheck disable=SC2154
	read -r anon unique dup merged same gone <<<"$output"
	((anon > 0)) || fail "nothing was read"
	((unique + dup + merged + same + gone == anon)) || fail "$output"
}

# A shell with some MiB of text and four children that share them since they were
# forked; $spawned, and $family: all five.
family() {
	# shellcheck disable=SC2016
	spawn bash -c 'text=$(head -c 6000000 /dev/urandom | base64 -w 0)
		for i in 1 2 3 4; do (echo >>ready; read -r -t 900 <>stay; echo "${#text}") & done
		wait'
	wait_until has_lines 4 ready
	family=$spawned,$(tr -s ' ' , <"/proc/$spawned/task/$spawned/children")
	family=${family%,}
	IFS=, read -ra SPAWNED <<<"$family"
}
has_lines() { [[ -e $2 && $(wc -l <"$2") -eq $1 ]]; }
json_figure() { sed -n "s/^ *\"$1\": *\(-\{0,1\}[0-9]*\).*/\1/p" <<<"$output" | head -n 1; }

@test "a sample of memory shared since a fork reads it once, as --full does" {
	need_root	# frames are hidden from others
	mkfifo stay
	family
	expect 0 ksm-estimate -q -J --full -p "$family"
	local full same
	full=$(json_figure read_bytes) same=$(json_figure same_bytes)
	((same > 10000000)) || fail "nothing is shared: $same"
	expect 0 ksm-estimate -q -J --sample 10 -p "$family"
	(($(json_figure read_bytes) < full / 2)) || fail "$(json_figure read_bytes), full $full"
}

@test "an interval is of what is possible" {
	target
	expect 0 ksm-estimate -q -J --sample 1 -p "$spawned"
	local low saved high anon
	low=$(json_figure saved_low_bytes) saved=$(json_figure saved_bytes)
	high=$(json_figure saved_high_bytes) anon=$(json_figure anon_bytes)
	((0 <= low && low <= saved && saved <= high && high <= anon)) ||
		fail "$low <= $saved <= $high of $anon"
	(($(json_figure unique_bytes) + $(json_figure dup_bytes) <= anon)) || fail "$output"
}

@test "what would cost more than it saves is said, of a sample too" {
	mkfifo stay
	# Memory without equal pages: 64 bytes of metadata for each and nothing saved.
	# shellcheck disable=SC2016
	spawn bash -c 'text=$(head -c 20000000 /dev/urandom | base64 -w 0)
		echo >ready; read -r -t 900 <>stay; echo "${#text}"'
	wait_until has_lines 1 ready
	expect 0 ksm-estimate -q -p "$spawned"
	stdout_has "merging would cost more than it saves"
	expect 0 ksm-estimate -q --sample 99 -p "$spawned"
	stdout_has "; merging would cost more than it saves"
}

@test "pairs: what is merged already has a column" {
	target
	expect 0 ksm-estimate -q -J --pairs -p "$spawned"
	valid_json
	expect 0 ksm-estimate -q -r -o SHARED,MERGED --pairs -p "$spawned"
	stdout_has "SHARED MERGED"
}

# Programs of other names: the first two have the same text of some MiB, the third another.
three_programs() {
	local name
	mkfifo stay
	head -c 3000000 /dev/urandom | base64 -w 0 >one.text
	cp one.text two.text
	head -c 3000000 /dev/urandom | base64 -w 0 >three.text
	for name in one two three; do
		cp "$(command -v bash)" "$name"
		# shellcheck disable=SC2016
		spawn "./$name" -c 'text=$(<"$1".text)
			echo >>ready; read -r -t 900 <>stay; echo "${#text}"' - "$name"
	done
	wait_until has_lines 3 ready
}

@test "by group: with whom each has most in common" {
	three_programs
	local pids
	pids=$(IFS=,; echo "${SPAWNED[*]}")
	expect 0 ksm-estimate -q -r -n -o GROUP,WITH --sort GROUP --by comm -p "$pids"
	[[ $output == "one two
three "*"
two one" ]] || fail "$output"
	# COMMON is that of the pair, and without it nothing is compared.
	expect 0 ksm-estimate -q -r -n -b -o COMMON --sort -COMMON --by comm -p "$pids"
	local common
	mapfile -t common <<<"$output"
	((common[0] == common[1] && common[0] > 3000000 && common[2] < common[0])) || fail "$output"
	expect 0 ksm-estimate -q -J --by comm -p "$pids"
	stdout_has '"with": null'
	stdout_has '"common": null'
	# One alone shares with nobody.
	expect 0 ksm-estimate -q -r -n -o GROUP,WITH,COMMON --by comm -p "${SPAWNED[0]}"
	stdout_is "one - 0"
}

# A shell whose text of many MiB is equal pages in its first half and none in the second.
halves() {
	mkfifo stay
	# shellcheck disable=SC2016
	spawn bash -c 'text=$(yes x | head -c 8000000; head -c 6000000 /dev/urandom | base64 -w 0)
		echo >ready; read -r -t 900 <>stay; echo "${#text}"'
	wait_until has_lines 1 ready
}

@test "pieces: where in a mapping the duplicates are" {
	halves
	export LC_ALL=C
	expect 0 ksm-estimate -q --pieces=512K -p "$spawned" -n -o SIZE,DENSITY,STRIP
	stdout_has "saved if merged"
	# Where the one half ends and the other begins may be in the middle of a cell or two.
	grep -qE '#{4,}[0-9]*\.{4,}' <<<"$output" || fail "no such strip: $output"
	! grep -q ' piece ' <<<"$output" || fail "pieces in a text for people"
	expect 0 ksm-estimate -q --pieces=512K -p "$spawned" --csv -b \
		-o KIND,START,END,SIZE,ANON,DUP,SAVED,STRIP
	# The sums of pieces are the figures of the mapping above, and they lie in it.
	awk -F, '
		function check() {
			if (n && (anon != map[5] || dup - map[6] > 4096 * n || map[6] - dup > 4096 * n)) {
				print "mapping " map[2] ": " map[5] " " map[6] ", pieces " anon " " dup
				exit 1
			}
		}
		NR > 1 && $1 == "mapping" { check(); split($0, map, ","); n = anon = dup = 0; maps++ }
		NR > 1 && $1 == "piece" {
			n++; pieces++; anon += $5; dup += $6
			if ($2 < map[2] || $3 > map[3] || $8 != "") { print "piece: " $0; exit 1 }
		}
		END { check(); if (maps < 3 || pieces < 16) { print maps " " pieces; exit 1 } }
		' <<<"$output" || fail "the sums differ"
}

@test "pieces: JSON has all, a sample and two passes too" {
	target
	local args
	for args in "" "--sample 50" "--passes 2 -i 1ms" "--by comm" "--pairs"; do
		# shellcheck disable=SC2086
		expect 0 ksm-estimate -q -J --pieces=64K -p "$spawned" $args
		valid_json
		stdout_has '"pieces": ['
		stdout_has '"kind": "mapping"'
		stdout_has '"density": '
	done
	expect 0 ksm-estimate -q --pieces -p "$spawned" -r -n -o KIND
	stdout_has "mapping"
}

@test "limits: slow, and still done" {
	target
	expect 0 ksm-estimate -q -p "$spawned" --max-cpu 50 --max-rate 10M -j 3 -r -n -o COMMAND
	stdout_is "sleep"
}

@test "bounded memory: enough for a small process" {
	target
	expect 0 ksm-estimate -q -J -p "$spawned" --max-memory 8M -j 200
	stdout_has '"mode": "full"'
}

@test "two passes over a quiet process: nothing is volatile" {
	target
	expect 0 ksm-estimate -q -p "$spawned" --passes 2 --interval 10ms -b -r -n -o VOLATILE,GONE
	stdout_is "0 0"
}

@test "processes that are not there" {
	expect 1 ksm-estimate -q -p 999999999
	stderr_has "ksm-estimate: 999999999: cannot read: No such process"
	target
	expect 4 ksm-estimate -q -r -n -o PID -p "999999999,$spawned"
	stdout_is "$spawned"
	stderr_has "ksm-estimate: 999999999: cannot read: No such process"
}

@test "sketches: written, compared, refused with another key or when damaged" {
	target
	expect 0 ksm-estimate -q --key k --sketch a -p "$spawned"
	same "mode of the key" "$(stat -c %a-%s k)" 600-576
	expect 0 ksm-estimate -q --key k --sketch b -p "$spawned"
	expect 0 ksm-estimate --compare -n -r -o A,B,EXACT a b
	stderr_is ""
	stdout_is "sleep sleep yes"
	expect 0 ksm-estimate --compare -J a b
	valid_json
	expect 0 ksm-estimate -q --key other --sketch c -p "$spawned"
	expect 1 ksm-estimate --compare a c
	stdout_is ""
	stderr_is "ksm-estimate: c: cannot be compared with a: made with another key (see --key)"
	head -c 100 a >d
	expect 1 ksm-estimate --compare a d
	stderr_is "ksm-estimate: d: not a sketch, or damaged"
	expect 1 ksm-estimate --compare a none
	stderr_is "ksm-estimate: none: cannot read: No such file or directory"
	expect 2 ksm-estimate --compare a
	(umask 077 && echo short >bad)
	expect 1 ksm-estimate -q --key bad -p "$spawned"
	stderr_is "ksm-estimate: bad: not a key (576 random bytes)"
	expect 1 ksm-estimate -q --key k --sketch no/such -p "$spawned"
	stderr_is "ksm-estimate: no/such: cannot write: No such file or directory"
}

@test "a key that others may read, or of somebody else, is refused" {
	target
	expect 0 ksm-estimate -q --key k -p "$spawned"
	local mode want="others may read or write this key, or it is not yours (chown, chmod 600)"
	for mode in 640 604 620 602; do
		chmod "$mode" k
		expect 1 ksm-estimate -q --key k -p "$spawned"
		stdout_is ""
		stderr_is "ksm-estimate: k: $want"
	done
	chmod 400 k
	expect 0 ksm-estimate -q --key k -p "$spawned"
	need_root
	chown 65534 k
	expect 1 ksm-estimate -q --key k -p "$spawned"
	stderr_is "ksm-estimate: k: $want"
}

@test "a sketch that cannot be written is told before anything is read" {
	# Nothing matches: what comes first is the message.
	expect 1 ksm-estimate -q --sketch no/such --match "^nobody has this command line$"
	stderr_is "ksm-estimate: no/such: cannot write: No such file or directory"
	expect 1 ksm-estimate -q --sketch . --match "^nobody has this command line$"
	stderr_is "ksm-estimate: .: cannot write: Is a directory"
	# None is written, and an older one stays.
	expect 1 ksm-estimate -q --sketch a --match "^nobody has this command line$"
	stderr_is "ksm-estimate: no process matches"
	[[ ! -e a ]] || fail "a sketch of nothing"
	echo older >a
	expect 1 ksm-estimate -q --sketch a --match "^nobody has this command line$"
	same "the older one" "$(cat a)" older
}

@test "nothing read is no estimate of zero" {
	need_unprivileged
	expect 1 ksm-estimate -q --match "^nobody has this command line$"
	stdout_is ""
	stderr_is "ksm-estimate: no process matches"
	need_root
	spawn bash -c 'exec -a nobody-may-read-me sleep 1000'
	wait_until grep -q nobody-may "/proc/$spawned/cmdline"
	expect 1 unprivileged ksm-estimate -q --match ^nobody-may-read
	stdout_is ""
	stderr_is "ksm-estimate: none of 1 process could be read (needs root, or CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH)"
}

@test "no progress on a dumb terminal" {
	command -v script >/dev/null || skip "no script(1) to make a terminal"
	target
	TERM=xterm expect 0 script -qec "ksm-estimate --passes 2 --interval 10ms -p $spawned 2>&1 >/dev/null" /dev/null
	stdout_has "pass 2 of 2"
	TERM=dumb expect 0 script -qec "ksm-estimate --passes 2 --interval 10ms -p $spawned 2>&1 >/dev/null" /dev/null
	[[ $output != *"pass "* && $output != *$'\r\e'* ]] || fail "progress: $output"
}

@test "without privilege: one's own processes, and what was not seen is said" {
	need_unprivileged
	# Started by the same user, as a child of the same shell.
	expect 0 unprivileged sh -c '
		sleep 1000 3>&- & p=$!
		n=0
		until grep -q sleep /proc/$p/comm || [ $n = 100 ]; do n=$((n + 1)); sleep 0.05; done
		ksm-estimate -r -n -o COMMAND -p $p; rc=$?
		kill $p
		exit $rc'
	stdout_is "sleep"
	stderr_has "the kernel hides frame numbers"
	expect 1 unprivileged ksm-estimate -p 1
	stderr_has "ksm-estimate: 1: cannot read: Permission denied"
}

@test "the manual page has every option, in the order of --help, and every column" {
	local page=$KSM_SRCDIR/man/ksm-estimate.8 option at last=0 name
	while read -r option; do
		at=$(sed '1,/^\.SH OPTIONS/s/.*//' "$page" | grep -nF -- "${option//-/\\-}" |
			grep -E '^[0-9]+:\.B' | head -n 1 | cut -d: -f1)
		[[ -n $at ]] || fail "not in the manual page: $option"
		((at >= last)) || fail "not in its place: $option"
		last=$at
	done < <(ksm-estimate --list-options | grep -o -- '--[a-z-]*' | grep -vE -- '--(help|version)$')
	while read -r name; do
		sed -n '/^\.SH COLUMNS/,/^\.SH EXIT/p' "$page" | grep -qw -- "$name" ||
			fail "column not in the manual page: $name"
	done < <(ksm-estimate --help | sed -n 's/^ [ *] \([A-Z_]\{1,\}\) .*/\1/p')
}

@test "completion knows every option" {
	# shellcheck disable=SC1091
	source "$KSM_SRCDIR/tools/completion/ksm-estimate"
	COMP_WORDS=(ksm-estimate --max) COMP_CWORD=1
	_ksm_estimate
	same "completions" "${COMPREPLY[*]}" "--max-cpu --max-rate --max-memory"
	COMP_WORDS=(ksm-estimate --by v) COMP_CWORD=2
	_ksm_estimate
	same "completions" "${COMPREPLY[*]}" "vm"
}
