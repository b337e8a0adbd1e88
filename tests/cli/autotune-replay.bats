#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# autotune-replay.bats - what is decided about stories that were written or recorded, about
# dumps, and about files that are none of these.

load ../lib/helpers

STORIES=$KSM_DATA/replay

setup() { need_autotune; }

# replay ARGUMENT...: with the configuration that holds without one.
replay() { ksm-autotune replay -C /dev/null "$@"; }

# told NAME: a story, by its own configuration where it has one, against its golden.
told() {
	local conf=$STORIES/$1.conf

	[[ -e $conf ]] || conf=/dev/null
	expect 0 ksm-autotune replay --time -C "$conf" "$STORIES/$1.record"
	golden "$1"
}

@test "stories: pressure rises, merging settles, the load ends" { told pressure; }
@test "stories: tasks wait for memory" { told waiting; }
@test "stories: the price is passed" { told price; }
@test "stories: somebody else writes settings" { told foreign; }
@test "stories: unmerging resets the counters" { told unmerged; }
@test "stories: the clock jumps" { told clock; }
@test "stories: writes break what was merged" { told writes; }
@test "stories: a session that was recorded" { told session; }

@test "every story is told, and every golden is of one" {
	for story in "$STORIES"/*.record; do
		name=${story##*/} name=${name%.record}
		grep -q "told $name;" "$BATS_TEST_FILENAME" || fail "$name is not told"
		[[ -e $KSM_EXPECTED/autotune-replay/$name.out ]] || fail "$name has no golden"
	done
	for golden in "$KSM_EXPECTED/autotune-replay"/*.out; do
		name=${golden##*/} name=${name%.out}
		[[ $name == dump* || -e $STORIES/$name.record ]] || fail "$name is no story"
	done
}

@test "standard input, a pipe, and a story in several parts" {
	story=$STORIES/price.record
	expect 0 replay "$story"
	whole=$output
	expect 0 replay - <"$story"
	stdout_is "$whole"
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	cat "$story" >"$BATS_TEST_TMPDIR/pipe" &
	expect 0 replay "$BATS_TEST_TMPDIR/pipe"
	stdout_is "$whole"
	wait
	last=$(grep -n '^e$' "$story" | sed -n '6s/:.*//p')
	head -n "$last" "$story" >"$BATS_TEST_TMPDIR/1"
	{ head -n 1 "$story"; tail -n +$((last + 1)) "$story"; } >"$BATS_TEST_TMPDIR/2"
	expect 0 replay "$BATS_TEST_TMPDIR/1" "$BATS_TEST_TMPDIR/2"
	stdout_is "$whole"
	expect 0 replay -v "$story"
	stdout_is "$whole"
	stderr_is "ksm-autotune: $story: 16 looks"
}

@test "two daemons, one after the other: the second begins anew" {
	story=$STORIES/foreign.record
	expect 0 replay "$story"
	whole=$output
	expect 0 replay "$story" "$story"
	stdout_is "$whole"$'\n'"$whole"
}

@test "a recording of ksmtop is replayed, and one of the daemon by ksmtop" {
	expect 0 ksmtop -b -q --replay "$KSM_DATA/seq-boost" --speed 0 --record "$BATS_TEST_TMPDIR/top"
	expect 0 replay --time "$KSM_DATA/seq-boost"
	dumps=$output
	expect 0 replay --time "$BATS_TEST_TMPDIR/top"
	stderr_is ""
	stdout_is "$dumps"
	expect 0 ksmtop -b --replay "$STORIES/session.record" --speed 0
	stderr_is ""
	[[ -n $output ]] || fail "nothing is shown"
}

@test "dumps: one, several, or a directory of them, and rules about their processes" {
	conf=$BATS_TEST_TMPDIR/conf
	printf '[rule guests]\nmatch-comm=qemu*\nadvise=whole\n' >"$conf"
	expect 0 ksm-autotune replay --time -C "$conf" "$KSM_DATA/6.12-busy"
	stderr_is ""
	golden dump-rule
	expect 0 replay "$KSM_DATA/seq-boost"
	whole=$output
	expect 0 replay "$KSM_DATA"/seq-boost/{0,1,2,3}
	stdout_is "$whole"
	# One look of a dry run is the same.
	expect 0 ksm-autotune -n -c 1 -C "$conf" -s "$KSM_DATA/6.12-busy"
	stderr_has "$(sed 's/^\[.*\] //' "$KSM_EXPECTED/autotune-replay/dump-rule.out")"
}

@test "dumps that do not tell their time are an interval apart" {
	use_root seq-boost
	rm "$ROOT"/*/meta
	printf '[daemon]\ninterval=40s\n[scanner]\nneed=memory\navailable-below=99%%\navailable-above=100%%\nneed-for=70s\n' \
		>"$BATS_TEST_TMPDIR/conf"
	expect 0 ksm-autotune replay --time -C "$BATS_TEST_TMPDIR/conf" "$ROOT"
	stderr_is ""
	golden dumps-no-time
}

# refused STATUS SAYS FILE...
refused() {
	expect "$1" replay "${@:3}"
	stderr_is "ksm-autotune: $2"
	clean_text
}

@test "files that are no recording, or a broken one" {
	bad=$BATS_TEST_TMPDIR/bad
	refused 1 "/nowhere: cannot open: No such file or directory" /nowhere
	stdout_is ""
	refused 1 "$KSM_DATA: cannot open: not the dump of a system: it has no proc" "$KSM_DATA"
	: >"$bad"
	refused 1 "$bad: line 1: not a recording of this version" "$bad"
	printf 'ksmtop-record 1\n' >"$bad"
	refused 1 "$bad: there is no whole look in it" "$bad"
	printf 'ksmtop-record 1\ns 5 page=3\n' >"$bad"
	refused 1 "$bad: line 2: bad value of page" "$bad"
	printf 'ksmtop-record 1\ns 5\na r\e[1mun\n' >"$bad"
	refused 1 "$bad: line 3: bad attribute r\\x1b[1mun" "$bad"
	printf 'ksmtop-record 1\ns 5\ne\n' >"$bad"
	refused 3 "$bad: the kernel that was looked at has no KSM (CONFIG_KSM)" "$bad"
	refused 3 "$KSM_DATA/no-ksm: the kernel that was looked at has no KSM (CONFIG_KSM)" "$KSM_DATA/no-ksm"
	refused 1 "$KSM_DATA/garbage: read /sys/kernel/mm/ksm/run: Protocol error" "$KSM_DATA/garbage"
	# What comes before the mistake was replayed, and what comes behind is not.
	{ cat "$STORIES/price.record"; echo "s soon"; cat "$STORIES/price.record"; } >"$bad"
	refused 1 "$bad: line $(($(wc -l <"$STORIES/price.record") + 1)): a sample without its time" "$bad" \
		"$STORIES/foreign.record"
	same "lines" "$output" "$(replay "$STORIES/price.record")"
}

@test "a recording that was cut off: what is whole, and status 4" {
	bad=$BATS_TEST_TMPDIR/bad
	last=$(grep -n '^e$' "$STORIES/price.record" | sed -n '6s/:.*//p')
	head -n "$last" "$STORIES/price.record" >"$bad"
	expect 0 replay "$bad"
	whole=$output
	printf 's 1090000000000 cow=' >>"$bad"
	refused 4 "$bad: line $((last + 1)): the file is cut off; what is whole was replayed" "$bad"
	stdout_is "$whole"
	# The next file goes on.
	expect 4 replay "$bad" "$STORIES/foreign.record"
	stdout_is "$whole"$'\n'"$(replay "$STORIES/foreign.record")"
}

@test "a file of any size takes the memory of one line" {
	command -v prlimit >/dev/null || skip "no prlimit"
	! sanitized || skip "a sanitizer takes memory of its own"
	# The first line of a recording is nothing in the midst of one.
	yes "$STORIES/session.record" | head -n 200 | xargs cat >"$BATS_TEST_TMPDIR/long"
	expect 0 prlimit --data=8000000 ksm-autotune replay -C /dev/null "$BATS_TEST_TMPDIR/long"
	same "times" "${#lines[@]}" "$((200 * $(replay "$STORIES/session.record" | wc -l)))"
	(head -n 1 "$STORIES/session.record"; head -c 50000000 /dev/zero | tr '\0' x) |
		expect 1 prlimit --data=8000000 ksm-autotune replay -C /dev/null -
	contains stderr "$(<"$BATS_TEST_TMPDIR/expect.err")" "-: line 2: too long"
}

@test "usage" {
	expect 2 ksm-autotune replay
	stderr_has "replay: which FILE?"
	expect 2 ksm-autotune replay -s "$STORIES" x
	stderr_has "replay: name the dump as a FILE, and not with --sysroot"
	expect 1 ksm-autotune replay -C /nowhere x
	stderr_has "/nowhere: cannot read"
}

@test "run --record: a file that cannot be one" {
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	use_root 6.12-busy
	expect 1 ksm-autotune -n -c 1 -C /dev/null -s "$ROOT" --record "$BATS_TEST_TMPDIR/pipe"
	stderr_is "ksm-autotune: $BATS_TEST_TMPDIR/pipe: cannot be recorded into: not a file"
	expect 1 ksm-autotune -n -c 1 -C /dev/null -s "$ROOT" --record /nowhere/file
	stderr_is "ksm-autotune: /nowhere/file: cannot be recorded into: No such file or directory"
	expect 0 ksm-autotune -n -c 1 -C /dev/null -s "$ROOT" --record "$BATS_TEST_TMPDIR/file"
	said=$stderr
	expect 0 replay "$BATS_TEST_TMPDIR/file"
	stdout_is "$said"
}
