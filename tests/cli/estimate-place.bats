#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# estimate-place.bats - ksm-estimate --place: which guests belong on which host, by
# sketches whose contents are known.  The best placement is found in unit/t-est-placement.

load ../lib/helpers
load ../lib/sketch

# Of two families one guest each is on the wrong host; contents 1-9 are in all of them.
setup() {
	cd "$BATS_TEST_TMPDIR" || return
	{
		sketch web1 1-9 100-139
		sketch web2 1-9 100-139
		sketch db3 1-9 200-239
	} >host1
	{
		sketch db1 1-9 200-239
		sketch db2 1-9 200-239
		sketch web3 1-9 100-139
	} >host2
}

@test "an exchange: who goes where, and what it saves" {
	expect 0 ksm-estimate --place host1 host2
	golden families
	expect 0 ksm-estimate --place -J host1 host2
	valid_json
	golden families-json
}

@test "raw and CSV: one table of all guests, those that stay at the end" {
	expect 0 ksm-estimate --place -r -n -o STEP,GUEST,FROM,TO,TIGHT host1 host2
	stderr_is ""
	stdout_is "1 db3 host1 host2 yes
2 web3 host2 host1 no
- web1 host1 host1 -
- web2 host1 host1 -
- db1 host2 host2 -
- db2 host2 host2 -"
	expect 0 ksm-estimate --place --csv -o GUEST,TO,GAIN --moves 0 host1 host2
	stdout_is "guest,to,gain
web1,host1,
web2,host1,
db3,host1,
db1,host2,
db2,host2,
web3,host2,"
}

@test "room: as much as was said, for all hosts or for one" {
	# One guest has 196 KiB, the three of a host 588.
	expect 0 ksm-estimate --place -r -n -o GUEST,TO,TIGHT --capacity 800K host1 host2
	stderr_is ""
	stdout_has "db3 host2 no"
	stdout_has "web3 host1 no"
	expect 0 ksm-estimate --place -J --capacity 100% --capacity host2=2M host1 host2
	stderr_is ""
	same "capacities" "$(grep -o '"capacity": [0-9]*' <<<"$output")" \
		$'"capacity": 602112\n"capacity": 2097152'
	stdout_has '"moves": 3,'
	# The word of a host itself counts, wherever it stands, and of two the last.
	expect 0 ksm-estimate --place -J --capacity host2=1M --capacity host2=100% --capacity 1G \
		host1 host2
	same "capacities" "$(grep -o '"capacity": [0-9]*' <<<"$output")" \
		$'"capacity": 1073741824\n"capacity": 602112'
}

@test "a host that has too much gets no more, and this is told" {
	expect 0 ksm-estimate --place -r -n -o GUEST,TO --capacity host1=100K host1 host2
	stderr_is "ksm-estimate: warning: host1: its guests have more than its capacity: it gets no more"
	# It may exchange a guest for one of the same size.
	stdout_has "db3 host2"
	{ sketch web4 1-9 100-139 300; } >>host2
	expect 0 ksm-estimate --place -r -n -o GUEST,TO --moves 1 --capacity host1=100K host1 host2
	[[ $output != *"web4 host1"* && $output != *"web3 host1"* ]] || fail "$output"
}

@test "at most so many moves; each must be worth it" {
	expect 0 ksm-estimate --place -J --capacity 1M --moves 1 host1 host2
	stdout_has '"moves": 1,'
	# A move gains 40 of 49 pages.
	expect 0 ksm-estimate --place -J --capacity 1M --moves 1 --worth 81 host1 host2
	stdout_has '"moves": 1,'
	expect 0 ksm-estimate --place --capacity 1M --moves 1 --worth 82 host1 host2
	stderr_is ""
	stdout_has "no placement is better, as far as can be told"
	[[ $output != *STEP* ]] || fail "a table of no moves: $output"
}

@test "samples have an interval" {
	# Of 512 contents the last only says how far the others reach.
	sketch a 1-512 >one
	{ sketch b 1-512; sketch c 600-650; } >two
	expect 0 ksm-estimate --place --capacity 1G one two
	stdout_has "95 %: "
	expect 0 ksm-estimate --place -J --capacity 1G one two
	valid_json
	stdout_has '"exact": false'
}

@test "usage errors" {
	local args
	for args in "--place" "--place host1" "--place host1 host1" "--place --pairs host1 host2" \
		"--place --compare host1 host2" "--place --sketch x host1 host2" \
		"--place --vmas host1 host2" "--moves 3" "--capacity 1G" "--worth 3" \
		"--place --moves x host1 host2" "--place --moves -1 host1 host2" \
		"--place --capacity 0 host1 host2" "--place --capacity x host1 host2" \
		"--place --capacity 0% host1 host2" "--place --capacity 5%% host1 host2" \
		"--place --capacity host3=1G host1 host2" "--place --capacity =1G host1 host2" \
		"--place --capacity host1= host1 host2" "--place --worth 101 host1 host2" \
		"--place -o NOSUCH host1 host2"; do
		# shellcheck disable=SC2086
		expect 2 ksm-estimate $args
		stdout_is ""
		stderr_has "Try 'ksm-estimate --help' for more information."
	done
}

@test "other keys, other pages, damage: refused" {
	KEY_ID=8 sketch x 1-9 >other
	expect 1 ksm-estimate --place host1 other
	stdout_is ""
	stderr_is "ksm-estimate: other: cannot be compared with host1: made with another key (see --key)"
	PAGE_SIZE=16384 sketch x 1-9 >large
	expect 1 ksm-estimate --place host1 large
	stderr_is "ksm-estimate: large: cannot be compared with host1: pages of another size"
	# The second sketch of the file is cut short.
	head -c 1000 host2 >cut
	expect 1 ksm-estimate --place host1 cut
	stdout_is ""
	stderr_is "ksm-estimate: cut: not a sketch, or damaged"
	: >empty
	expect 1 ksm-estimate --place host1 empty
	stderr_is "ksm-estimate: empty: not a sketch, or damaged"
	expect 1 ksm-estimate --place host1 none
	stderr_is "ksm-estimate: none: cannot read: No such file or directory"
}

@test "names of guests and files cannot harm a terminal" {
	sketch $'\e[2Jevil\nname' 1-9 >$'bad\e[1mhost'
	expect 0 ksm-estimate --place --capacity 1G host1 $'bad\e[1mhost'
	clean_text
	stdout_has 'x1b[2Jevil'
	expect 0 ksm-estimate --place --capacity 1G -J host1 $'bad\e[1mhost'
	valid_json
}

@test "what --sketch writes is placed" {
	spawn sleep 1000
	wait_until grep -q '^Name:.*sleep' "/proc/$spawned/status"
	wait_until eval "ksm-estimate -q -p $spawned >/dev/null 2>&1"
	expect 0 ksm-estimate -q --key k --sketch a -p "$spawned" --by comm
	expect 0 ksm-estimate -q --key k --sketch b -p "$spawned"
	expect 0 ksm-estimate --place -r -n -o GUEST,FROM --capacity 1G --moves 0 a b
	stdout_is "sleep a
sleep b"
}
