#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksmctl-status.bats - the one screen: what it says of each kernel, and that
# unknown, forbidden, absent and zero stay apart.

load ../lib/helpers

ksm=sys/kernel/mm/ksm

@test "status: text on each kernel" {
	for root in 6.12-idle 6.12-busy 6.12-tuned 7.3-busy 7.3-hksm 6.1 5.15-old arm64-16k \
		cgroup-v1; do
		use_root $root
		expect 0 ksmctl -s "$ROOT" status
		golden text-$root
		root_unchanged $root
	done
}

@test "status: JSON on each kernel" {
	for root in 6.12-busy 6.12-tuned 7.3-hksm 5.15-old; do
		use_root $root
		expect 0 ksmctl -s "$ROOT" status -J
		golden json-$root
		valid_json
	done
}

@test "status: the time of all that scan is added up" {
	use_root 7.3-hksm
	local n comm
	# One that is not counted: the number is what the kernel says it is.
	for n in 1 2 3; do
		cp -r "$ROOT/proc/61" "$ROOT/proc/$((7000 + n))"
		comm="ksmd/$n"
		sed -i "s,^61 (ksmd),$((7000 + n)) ($comm)," "$ROOT/proc/$((7000 + n))/stat"
		echo "${n}000000000 0 0" >"$ROOT/proc/$((7000 + n))/schedstat"
	done
	# The name alone makes no thread of the kernel.
	sed "s/(ksmd)/(ksmd\/4)/; s/ S 2 0 0 0 -1 2129984 / S 1 1 1 0 -1 4194304 /" \
		"$ROOT/proc/61/stat" >"$ROOT/proc/1001/stat"
	echo 4 >"$ROOT/$ksm/hksm/scanners"
	expect 0 ksmctl -s "$ROOT" status -J
	[[ $output == *'"ksmd_cpu_ns": 15876543210,'* ]] || fail "$(grep ksmd_cpu <<<"$output")"
	echo 1 >"$ROOT/$ksm/hksm/scanners"
	expect 0 ksmctl -s "$ROOT" status -J
	[[ $output == *'"ksmd_cpu_ns": 9876543210,'* ]] || fail "$(grep ksmd_cpu <<<"$output")"
}

@test "status: is what runs without a command" {
	use_root 6.12-busy
	expect 0 ksmctl -s "$ROOT"
	stderr_is ""
	same "the two outputs" "$output" "$(ksmctl status -s "$ROOT")"
}

@test "status: --bytes prints plain numbers" {
	use_root 6.12-busy
	expect 0 ksmctl status -b -s "$ROOT"
	golden bytes
	expect 0 ksmctl status --bytes -s "$ROOT"
	golden bytes
}

@test "status: no line is wider than 80 columns" {
	for root in 6.12-idle 6.12-busy 6.12-tuned 7.3-busy 7.3-hksm 6.1 arm64-16k; do
		use_root $root
		expect 0 ksmctl -s "$ROOT" status
		stderr_is ""
		while IFS= read -r line; do
			((${#line} <= 80)) || fail "$root: ${#line} columns: $line"
		done <<<"$output"
	done
}

@test "status: the words of run" {
	use_root 6.12-busy
	# 4 is added while memory goes offline (mm/ksm.c, KSM_RUN_OFFLINE).
	for row in "0:stopped" "1:running" "2:unmerging" "5:running, memory going offline" "8:unknown"; do
		echo "${row%%:*}" >"$ROOT/$ksm/run"
		expect 0 ksmctl status -s "$ROOT"
		stderr_is ""
		same "run ${row%%:*}" "${lines[0]}" "state      ${row#*:}"
	done
}

@test "status: merging that costs more than it saves is negative, and a warning" {
	use_root 6.12-busy
	echo -3145728 >"$ROOT/$ksm/general_profit"
	expect 0 ksmctl status -s "$ROOT"
	stdout_has "profit     -3 MiB"
	stdout_has "warning    merging costs more memory for its metadata than it saves
             ksmctl procs --sort PROFIT"
	stderr_is ""
	expect 0 ksmctl status -J -s "$ROOT"
	stdout_has '"profit": -3145728,'
	stderr_is ""
	valid_json
}

@test "status: a negative profit is red on a terminal, and only there" {
	use_root 6.12-busy
	echo -3145728 >"$ROOT/$ksm/general_profit"
	command -v script >/dev/null || skip "no script(1) to make a terminal"
	unset NO_COLOR
	TERM=xterm expect 0 script -qec "ksmctl status -s '$ROOT'" /dev/null
	stdout_has $'profit     \e[31m-3 MiB\e[0m'
	stderr_is ""
	TERM=xterm expect 0 ksmctl status -s "$ROOT"
	stdout_has "profit     -3 MiB"
	stderr_is ""
	clean_text
	NO_COLOR=1 TERM=xterm expect 0 script -qec "ksmctl status -s '$ROOT'" /dev/null
	stdout_has "profit     -3 MiB"
	stderr_is ""
}

@test "status: stopped with merged pages says that they stay" {
	use_root 6.12-busy
	echo 0 >"$ROOT/$ksm/run"
	expect 0 ksmctl status -s "$ROOT"
	stderr_is ""
	stdout_has "warning    merging is stopped: merged pages stay merged, new ones are not found
             ksmctl start"
}

@test "status: one page, one copy" {
	use_root 7.3-busy
	while read -r sharing shared text; do
		echo "$sharing" >"$ROOT/$ksm/pages_sharing"
		echo "$shared" >"$ROOT/$ksm/pages_shared"
		expect 0 ksmctl status -s "$ROOT"
		stdout_has " ($text, "
	done <<-'EOF'
		62 1 62 pages by 1 copy
		1 1 1 page by 1 copy
		4 2 4 pages by 2 copies
	EOF
}

@test "status: an advisor this program does not know keeps its name, cleaned" {
	use_root 6.12-busy
	printf 'none [\e[31mevil]\n' >"$ROOT/$ksm/advisor_mode"
	expect 0 ksmctl status -s "$ROOT"
	clean_text
	stderr_is ""
	stdout_has 'advisor    \x1b[31mevil'
	expect 0 ksmctl status -J -s "$ROOT"
	stdout_has '"advisor_mode": "\u001b[31mevil"'
	stderr_is ""
	valid_json
}

@test "status: garbage in the files is unknown, never a state or a zero" {
	use_root garbage
	expect 0 ksmctl -s "$ROOT" status
	golden text-garbage
	expect 0 ksmctl -s "$ROOT" status -J
	golden json-garbage
	valid_json
}

@test "status: empty files are unknown" {
	use_root 6.12-busy
	: >"$ROOT/$ksm/run"
	: >"$ROOT/$ksm/pages_sharing"
	expect 0 ksmctl -s "$ROOT" status
	stderr_is "ksmctl: warning: /sys/kernel/mm/ksm/run: not readable: unexpected contents"
	same "state" "${lines[0]}" "state      unknown"
	stdout_has "saved      unknown"
	stdout_has "profit     unknown"
	expect 0 ksmctl -q -s "$ROOT" status -J
	stderr_is ""
	stdout_has '"state": null,'
	stdout_has '"saved": null,'
	valid_json
}

@test "status: what may not be read is denied" {
	use_root denied
	need_unprivileged
	apply_modes
	expect 0 unprivileged ksmctl -s "$ROOT" status
	golden text-denied
	expect 0 unprivileged ksmctl -s "$ROOT" status -J
	golden json-denied
	valid_json
}

@test "status: takes no argument" {
	use_root 6.12-busy
	expect 2 ksmctl status now -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: now: unexpected argument
Try 'ksmctl status --help' for more information."
}

@test "status: a pass that would take longer than there is time for" {
	use_root 6.12-busy
	echo 9223372036854775807 >"$ROOT/$ksm/pages_unshared"
	echo "[none] scan-time" >"$ROOT/$ksm/advisor_mode"
	echo 1 >"$ROOT/$ksm/pages_to_scan"
	echo 1000 >"$ROOT/$ksm/sleep_millisecs"
	expect 0 ksmctl -s "$ROOT" status
	stderr_is ""
	stdout_has "one over the 8 EiB tracked takes 213503d23h or more"
}

# --- what it costs ----------------------------------------------------------------

# opened TIMES PID COMMAND...: so often the command opened the stat of that process.
opened() {
	local opens=$BATS_TEST_TMPDIR/opens times=$1 pid=$2
	shift 2

	strace -qq -e trace=openat,openat2 -o "$opens" "$@" >"$BATS_TEST_TMPDIR/said" 2>&1 || :
	[[ -s $BATS_TEST_TMPDIR/said ]] || fail "said nothing: $*"
	grep -q '"[0-9]*/stat"' "$opens" || fail "read nobody: $*" "$(<"$opens")"
	same "opens of $pid/stat by $*" "$(grep -c "\"$pid/stat\"" "$opens")" "$times"
}

@test "status, doctor and metrics read each process once" {
	command -v strace >/dev/null || skip "needs strace"
	! sanitized || export ASAN_OPTIONS=detect_leaks=0
	strace -qq -o /dev/null true || skip "strace may not trace here"
	spawn sleep 1000
	opened 1 "$spawned" ksmctl status
	opened 1 "$spawned" ksmctl doctor
	opened 1 "$spawned" ksmctl metrics --by pid
}

@test "where no kernel thread is to be seen, nobody looks for ksmd" {
	command -v strace >/dev/null || skip "needs strace"
	need_mounts
	unshare -pm --fork --mount-proc true 2>/dev/null || skip "no namespace of processes"
	! sanitized || export ASAN_OPTIONS=detect_leaks=0
	# There the shell is 1, 2 is a process like others, and so is 3.
	expect 0 unshare -pm --fork --mount-proc bash -c \
		'sleep 1000 & sleep 1000 & "$@"; s=$?; kill %1 %2; exit $s' bash \
		strace -qq -e trace=openat -o "$BATS_TEST_TMPDIR/opens" ksmctl status
	same "opens of 3/stat" "$(grep -c '"3/stat"' "$BATS_TEST_TMPDIR/opens")" 1
	stdout_has "state      "
}

# --- who decides ----------------------------------------------------------------

note=run/ksm-autotune/decision

# ksmtuned UID: a program of that name runs, as that user.
ksmtuned() {
	mkdir "$ROOT/proc/812"
	sed 's/^[0-9]* ([^)]*)/812 (ksmtuned)/' "$ROOT/proc/1/stat" >"$ROOT/proc/812/stat"
	sed "s/^Tgid:.*/Tgid:\t812/; s/^Uid:.*/Uid:\t$1\t$1\t$1\t$1/" "$ROOT/proc/1/status" \
		>"$ROOT/proc/812/status"
}

@test "decides: a daemon that died has left its settings, and the kernel's advisor at work" {
	use_root 6.12-tuned
	# Somebody else has its number now; then nobody.
	sed -i 's/ 6000 / 6001 /' "$ROOT/proc/900/stat"
	for _ in 1 2; do
		expect 0 ksmctl -s "$ROOT" status
		golden died
		expect 0 ksmctl -s "$ROOT" status -J
		stdout_has '"who": "advisor",'
		stdout_has '"ksm_autotune": "died",'
		valid_json
		rm -rf "$ROOT/proc/900"
	done
	echo 20 >"$ROOT/$ksm/advisor_max_cpu"
	expect 0 ksmctl -s "$ROOT" status
	stdout_has "warning    ksm-autotune (pid 900) died and put nothing back: 2 of its settings are in force
             ksm-autotune restore"
}

@test "decides: a dry run has no say, and is told" {
	use_root 6.12-tuned
	sed -i 's/^dry=0/dry=1/' "$ROOT/$note"
	expect 0 ksmctl -s "$ROOT" status
	stderr_is ""
	stdout_has "decides    the kernel's advisor"
	stdout_has "dry run    scan at 8 % of a CPU: 11 % available < 20 % for 30 s; the last pass
           gave 41 MiB for 0.3 s"
	expect 0 ksmctl -s "$ROOT" status -J
	stdout_has '"ksm_autotune": "dry-run",'
	# One that ended has left nothing.
	rm -r "$ROOT/proc/900"
	expect 0 ksmctl -s "$ROOT" status
	[[ $output != *"dry run"* && $output != *warning* ]] || fail "$output"
}

@test "decides: stopped by ksm-autotune is no warning, and by somebody else one" {
	use_root 6.12-tuned
	echo 0 >"$ROOT/$ksm/run"
	expect 0 ksmctl -s "$ROOT" status
	stdout_has "warning    merging is stopped: merged pages stay merged, new ones are not found
             ksm-autotune kick --take"
	sed -i 's/^want.run=1/want.run=0/; s/^cpu_pct=.*/cpu_pct=0.000/; s/^reason=.*/reason=stopped: nothing is gained/' \
		"$ROOT/$note"
	expect 0 ksmctl -s "$ROOT" status
	stdout_has "           stopped: nothing is gained"
	[[ $output != *warning* ]] || fail "$output"
}

@test "decides: ksmtuned, which root runs, and which fights" {
	use_root 5.15-old
	ksmtuned 1000
	expect 0 ksmctl -s "$ROOT" status
	stdout_has "decides    nobody: the settings stay as they are"
	rm -r "$ROOT/proc/812"
	ksmtuned 0
	expect 0 ksmctl -s "$ROOT" status
	stdout_has "decides    ksmtuned (pid 812), by free memory"
	[[ $output != *warning* ]] || fail "$output"
	use_root 6.12-tuned
	ksmtuned 0
	expect 0 ksmctl -s "$ROOT" status
	stdout_has "decides    ksm-autotune (pid 900) since"
	stdout_has "warning    ksmtuned (pid 812) decides about the scanner, and so does ksm-autotune
             systemctl disable --now ksmtuned"
	rm -r "$ROOT/run"
	expect 0 ksmctl -s "$ROOT" status
	stdout_has "decides    ksmtuned (pid 812), by free memory"
	stdout_has "ksmtuned (pid 812) decides about the scanner, and so does the kernel's advisor"
	expect 0 ksmctl -s "$ROOT" status -J
	stdout_has '"who": "ksmtuned",
      "ksmtuned_pid": 812,
      "ksm_autotune": null,'
}

@test "decides: a note that is none, a reason that would steer a terminal or has no end" {
	use_root 6.12-tuned
	echo "pid=900" >"$ROOT/$note"
	expect 0 ksmctl -s "$ROOT" status
	stderr_is "ksmctl: warning: /$note: not readable: unexpected contents"
	stdout_has "decides    the kernel's advisor"
	echo "[none] scan-time" >"$ROOT/$ksm/advisor_mode"
	expect 0 ksmctl -q -s "$ROOT" status
	stdout_has "decides    unknown"
	expect 0 ksmctl -q -s "$ROOT" status -J
	stdout_has '"who": null,'
	use_root 6.12-tuned
	printf 'pid=900\nstart=6000\nsince=0\nreason=\e[31mred %0300d and\n' 0 >"$ROOT/$note"
	expect 0 ksmctl -s "$ROOT" status
	clean_text
	stderr_is ""
	stdout_has 'decides    ksm-autotune (pid 900) since 1970-01-01 00:00:00
           \x1b[31mred
           00000000'
	expect 0 ksmctl -s "$ROOT" status -J
	valid_json
	# A pipe, a directory, or a link to nowhere must not make it wait, nor be believed.
	rm "$ROOT/$note"
	mkfifo "$ROOT/$note"
	expect 0 timeout 10 ksmctl -s "$ROOT" status
	stderr_is "ksmctl: warning: /$note: not believed: somebody else than root could have written it"
	rm "$ROOT/$note"
	ln -s /nowhere "$ROOT/$note"
	expect 0 ksmctl -s "$ROOT" status
	stderr_has "/$note: not believed"
}

@test "decides: status -J with a note is a moment that --since reads" {
	use_root 6.12-tuned
	ksmctl -s "$ROOT" status -J >"$BATS_TEST_TMPDIR/then"
	expect 0 ksmctl -s "$ROOT" status --since "$BATS_TEST_TMPDIR/then"
	stderr_is ""
	stdout_has "saved      0 B"
}

# --- since --------------------------------------------------------------------

# printed STEP: what status -J printed of that moment of seq-boost, in $BATS_TEST_TMPDIR.
printed() {
	ksmctl -s "$KSM_DATA/seq-boost/$1" status -J >"$BATS_TEST_TMPDIR/$1.json"
	echo "$BATS_TEST_TMPDIR/$1.json"
}

@test "since: what has changed between two moments" {
	use_root seq-boost
	for row in "0 2" "2 3" "1 1"; do
		read -r from to <<<"$row"
		then=$(printed $from)
		expect 0 ksmctl -s "$ROOT/$to" status --since "$then"
		golden since-$from-$to
		expect 0 ksmctl -s "$ROOT/$to" status --since="$then" -b
		golden since-$from-$to-bytes
		expect 0 ksmctl -s "$ROOT/$to" status -J --since "$then"
		golden since-$from-$to-json
		valid_json
	done
	root_unchanged seq-boost
}

@test "since: from standard input, and from what was printed with --since" {
	use_root seq-boost
	ksmctl -s "$ROOT/2" status --since "$(printed 0)" >"$BATS_TEST_TMPDIR/want"
	ksmctl -s "$ROOT/0" status -J --since "$(printed 0)" >"$BATS_TEST_TMPDIR/again"
	for file in "$BATS_TEST_TMPDIR/0.json" "$BATS_TEST_TMPDIR/again"; do
		expect 0 ksmctl -s "$ROOT/2" status --since - <"$file"
		stdout_is "$(<"$BATS_TEST_TMPDIR/want")"
		stderr_is ""
	done
}

@test "since: a figure that one of the moments lacks is unknown" {
	use_root seq-boost
	then=$(printed 0)
	rm "$ROOT"/2/{meta,$ksm/full_scans} "$ROOT"/2/proc/58/{stat,schedstat}
	sed -i 's/"cow_ksm": .*,/"cow_ksm": null,/; s/"saved": .*,/"saved": null,/' "$then"
	expect 0 ksmctl -s "$ROOT/2" status --since "$then"
	golden since-unknown
	expect 0 ksmctl -s "$ROOT/2" status -J --since "$then"
	golden since-unknown-json
	valid_json
	# A kernel that tells little, and no boot on either side.
	use_root 5.15-old
	ksmctl -s "$ROOT" status -J >"$then"
	expect 0 ksmctl -s "$ROOT" status --since "$then"
	golden since-old
}

@test "since: another boot, or a later moment, is refused" {
	use_root seq-boost
	id=$(<"$ROOT/0/proc/sys/kernel/random/boot_id")
	then=$(printed 2)
	expect 1 ksmctl -s "$ROOT/1" status --since "$then"
	stdout_is ""
	stderr_is "ksmctl: $then: it was printed later than the figures of now"
	expect 1 ksmctl -s "$ROOT/1" status -J --since - <"$then"
	stdout_is ""
	stderr_is "ksmctl: standard input: it was printed later than the figures of now"
	echo 11111111-2222-3333-4444-555555555555 >"$ROOT/3/proc/sys/kernel/random/boot_id"
	expect 1 ksmctl -s "$ROOT/3" status --since "$then"
	stdout_is ""
	stderr_is "ksmctl: $then: of another boot or machine (boot_id $id, here 11111111-2222-3333-4444-555555555555), whose counters began elsewhere"
	# Nobody knows whether this was the same boot.
	for id_now in "" "no id"; do
		echo "$id_now" >"$ROOT/3/proc/sys/kernel/random/boot_id"
		expect 1 ksmctl -s "$ROOT/3" status --since "$then"
		stdout_is ""
		stderr_is "ksmctl: $then: of another boot or machine (boot_id $id, here unknown), whose counters began elsewhere"
	done
	sed -i 's/"boot_id": "/&\x1b[31m/' "$then"
	expect 1 ksmctl -s "$ROOT/2" status --since "$then"
	stdout_is ""
	stderr_has "(boot_id \\x1b[31m$id, here"
	clean_text
}

# refused WHY TEXT-COMMAND...: --since of what that prints is an error of that end.
refused() {
	local why=$1

	shift
	"$@" >"$BATS_TEST_TMPDIR/wrong" || fail "no input: $*"
	expect 1 ksmctl -s "$ROOT/2" status --since "$BATS_TEST_TMPDIR/wrong"
	stdout_is ""
	stderr_is "ksmctl: $BATS_TEST_TMPDIR/wrong: $why"
}

@test "since: a file that status -J did not print" {
	use_root seq-boost
	then=$(printed 0)
	not='not what "ksmctl status -J" prints'
	refused "ends too early to be what \"ksmctl status -J\" prints" true
	refused "line 1: $not" echo hello
	refused "line 1: $not" ksmctl -s "$ROOT/0" status
	refused "line 3: $not" ksmctl -s "$ROOT/0" procs -J
	# Another program's layout of the same document, and a cut one.
	refused "line 1: $not" tr -d '\n' <"$then"
	refused "line 2: $not" sed '2,$s/^ */\t/' "$then"
	refused "ends too early to be what \"ksmctl status -J\" prints" head -n 5 "$then"
	refused "line 5: $not" sed '5s/: .*//' "$then"
	refused "$not" sed '5s/$/\x00/' "$then"
	# Behind the end; in the place of another; without a comma, and with one too many.
	refused "line $(($(wc -l <"$then") + 1)): $not" cat "$then" "$then"
	refused "line 5: $not" sed 's/"when_ns": .*,/"when_ns": "late",/' "$then"
	refused "line 5: $not" sed 's/"when_ns": .*,/"when_ns": 1.5,/' "$then"
	refused "line 5: $not" sed 's/"when_ns": .*,/"when_ns": 99999999999999999999,/' "$then"
	refused "line 5: $not" sed 's/"when_ns": .*,/"when_ns": {/' "$then"
	refused "line 4: $not" sed 's/"boot_id": .*,/"boot_id": 7,/' "$then"
	refused "line 4: $not" sed "s/\"boot_id\": .*,/\"boot_id\": \"$(printf '%070d' 0)\",/" "$then"
	refused "line 6: $not" sed '5s/,$//' "$then"
	refused "line $(wc -l <"$then"): $not" sed '$s/$/,/' "$then"
	refused "line $(wc -l <"$then"): $not" sed '$s/}/]/' "$then"
	refused "line 6: $not" sed '5p' "$then"
	# A figure that stands elsewhere is not it: one is missing, and one is over.
	refused "figures are missing (did another version print it?)" sed '/"boot_id"/d' "$then"
	refused "figures are missing (did another version print it?)" sed '/"full_scans"/d' "$then"
	refused "line 6: $not" sed '5s/.*/   "deep": {\n      "deeper": {/' "$then"
}

@test "since: a file that cannot be read, or has no end" {
	use_root seq-boost
	expect 1 ksmctl -s "$ROOT/2" status --since /nonexistent
	stdout_is ""
	stderr_is "ksmctl: /nonexistent: cannot open: No such file or directory"
	expect 1 ksmctl -s "$ROOT/2" status --since "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: $ROOT: cannot read: Is a directory"
	expect 1 ksmctl -s "$ROOT/2" status --since /dev/zero
	stdout_is ""
	stderr_is "ksmctl: /dev/zero: too large for what \"ksmctl status -J\" prints"
	expect 2 ksmctl -s "$ROOT/2" status --since
	stdout_is ""
	stderr_is "ksmctl: option '--since' needs an argument (FILE)
Try 'ksmctl status --help' for more information."
}
