#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# live-autotune.bats - the daemon on the KSM of this machine: it finds, advises, settles,
# lets go of what others set, and leaves everything as it was, however it ends.

load ../lib/helpers
load ../lib/live

state=/run/ksm-autotune
PYTHON=/usr/bin/python3	# that in the path may be anything

setup_file() {
	live_begin
	[[ ! -e $state/decision ]] || KSM_LIVE_SKIP="this machine has a ksm-autotune of its own"
}

setup() {
	need_autotune
	live_setup
	log=$BATS_TEST_TMPDIR/log
	before=$(ksmctl save)
	conf=$BATS_TEST_TMPDIR/conf
	cat >"$conf" <<-END
	[daemon]
	interval=100ms
	settle-in=0s
	estimate-cpu=100%
	[scanner]
	max-cpu=50%
	advisor=no
	[rule held]
	match-exe=$HOLD
	advise=whole
	min-gain=1MiB
	cooldown=1s
	END
}

# However the test ended, no note of its daemon is taken for one of this machine.
teardown() {
	reap_spawned
	[[ ! -s ${log-} || -n ${BATS_TEST_COMPLETED-} ]] || cat "$log" >&2
	[[ -n $KSM_LIVE_SKIP ]] || rm -rf "$state"
	for pid in "${held[@]}"; do
		rm -f "/run/ksm-utils/marks-$pid-"*
	done
	[[ -n $KSM_LIVE_SKIP ]] || rmdir --ignore-fail-on-non-empty /run/ksm-utils 2>/dev/null || :
	[[ ! -d ${group-} ]] || wait_until rmdir "$group" 2>/dev/null
	live_teardown
}

teardown_file() { live_end; }

# held N [OPTION...]: so many processes with 8 MiB, each page twice in each of them;
# their pids in held[].  They are ready, so that one look finds them all.  as=() is what
# they are started by.
as=()
held() {
	local i n=$1

	[[ -p $BATS_TEST_TMPDIR/in ]] || mkfifo "$BATS_TEST_TMPDIR/in"
	exec 9<>"$BATS_TEST_TMPDIR/in"
	for ((i = 0; i < n; i++)); do
		# Its input by name: the shell puts /dev/null for that of a background job.
		start "${as[@]}" bash -c 'exec "$@" <"$0/in"' "$BATS_TEST_TMPDIR" "$HOLD" -p 2048 -g 1024 \
			"${@:2}" >"$BATS_TEST_TMPDIR/out.${#held[@]}" 9>&-
		held+=("$spawned")
	done
	for ((i = 0; i < ${#held[@]}; i++)); do
		wait_until test -s "$BATS_TEST_TMPDIR/out.$i"
	done
}

# tune OPTION...: the daemon, $tuner; its lines go to the log.
tune() {
	start ksm-autotune -C "$conf" "$@" 2>>"$log" 9>&-
	tuner=$spawned
}

says() { grep -q -- "$1" "$log"; }
# says_times N TEXT
says_times() { (($(grep -c -- "$2" "$log") >= $1)); }
decided() { [[ -e $state/decision ]]; }
runs() { [[ $(<$ksm/run) == 1 ]]; }
# Whoever was sampled before he had his memory is looked at again, and advised then.
all_advised() {
	local pid

	for pid in "${held[@]}"; do
		kill -0 "$pid" 2>/dev/null || continue
		grep -q "=$pid " $state/advised 2>/dev/null || return 1
	done
}
any() { [[ $(awk '/^ksm_merge_any/ { print $2 }' "/proc/$1/ksm_stat") == "$2" ]]; }

end_tuner() {
	kill "-$1" "$tuner"
	wait "$tuner" 2>/dev/null || :
}

as_before() { same "settings" "$(ksmctl save | grep -v '^#')" "$(grep -v '^#' <<<"$before")"; }

@test "live: found, sampled, advised, settled, judged; then others come and go" {
	held 4
	tune
	wait_until says "4 processes are advised, with"
	wait_until says "scan at 50.0 % of a CPU: 4 processes advised"
	wait_until says "watch at 0.5 % of a CPU: settled"
	wait_until says "4 processes stay advised, with"
	(($(<$ksm/pages_sharing) > 4 * 1500)) || fail "little is merged" "$(<$ksm/pages_sharing)"
	expect 0 ksm-autotune verify
	stdout_is ""
	expect 0 ksm-autotune status -J
	valid_json
	expect 0 ksm-autotune status -p
	stdout_has "${held[0]} held stays it saves"
	expect 0 ksm-autotune explain
	stdout_has "rule held matches 4 processes; 4 are advised, and save "

	kill "${held[0]}" "${held[1]}"
	held 3
	wait_until all_advised
	wait_until says_times 2 "watch at 0.5 % of a CPU: settled"
	end_tuner TERM
	as_before
	# on-stop=keep
	any "${held[2]}" yes
}

@test "live: where it pays, and with on-stop=undo nothing stays" {
	sed -i 's/^advise=.*/advise=where-it-pays/; s/^\[daemon\]/&\non-stop=undo/' "$conf"
	held 3
	tune
	wait_until says "3 processes are advised where it pays"
	wait_until says "3 processes stay advised"
	grep -q '^VmFlags:.* mg' "/proc/${held[0]}/smaps" || fail "nothing is marked"
	any "${held[0]}" no
	end_tuner TERM
	as_before
	for pid in "${held[@]}"; do
		! grep -q '^VmFlags:.* mg' "/proc/$pid/smaps" || fail "$pid is marked still"
	done
	[[ ! -e $state/advised ]] || fail "still noted" "$(<$state/advised)"
}

@test "live: settings are back before processes are, which may take longer than one waits" {
	sed -i 's/^\[daemon\]/&\non-stop=undo/' "$conf"
	run=$(awk '$1 == "run" { print $2 }' <<<"$before")
	held 2 -p 32768 -g 16384
	tune
	wait_until says "2 processes stay advised"
	kill -TERM "$tuner"
	until [[ $(<$ksm/run) == "$run" ]]; do
		kill -0 "$tuner" 2>/dev/null || fail "it has ended, and KSM is not as it was" || return
	done
	end_tuner KILL
	any "${held[1]}" yes || fail "all was done by then"
	as_before
	expect 0 ksm-autotune restore -C "$conf"
	for pid in "${held[@]}"; do
		any "$pid" no
	done
	as_before
}

# interpreters N: python with something in its memory, their pids in held[]; each says
# when it is up.
interpreters() {
	local i n=$1

	for ((i = 0; i < n; i++)); do
		start env PYTHONHASHSEED=0 "$PYTHON" -c '
import argparse, email, json, time, unittest, xml.dom.minidom
held = json.loads(json.dumps({str(i): [i, "record %d" % i] for i in range(40000)}))
print("is up", flush=True)
time.sleep(10000)' "$BATS_TEST_TMPDIR" >"$BATS_TEST_TMPDIR/out.${#held[@]}" 9>&-
		held+=("$spawned")
	done
	for ((i = 0; i < ${#held[@]}; i++)); do
		wait_until test -s "$BATS_TEST_TMPDIR/out.$i"
	done
}

# stays N: so many are advised, and were judged.
stays() { (($(ksm-autotune status -p | grep -cw stays) == $1)); }
# last_pace TEXT: what was decided about the scanner last.
last_pace() { [[ $(grep -E '^(scan|watch) at ' "$log" | tail -n 1) == *"$1"* ]]; }

@test "live: twenty interpreters converge; then ten end and five others start" {
	[[ -x $PYTHON ]] || skip "no $PYTHON"
	# Those of others on this machine are none of ours.
	sed -i "s,^match-exe=.*,match-cmdline=*$BATS_TEST_TMPDIR*," "$conf"
	record=$BATS_TEST_TMPDIR/record
	interpreters 20
	tune --record "$record"
	wait_until all_advised
	wait_until says "scan at 50.0 % of a CPU: .* advised"
	wait_until says "watch at 0.5 % of a CPU: settled"
	wait_until stays 20
	(($(<$ksm/pages_sharing) > 20 * 400)) || fail "little is merged" "$(<$ksm/pages_sharing)"

	kill "${held[@]:0:10}"
	interpreters 5
	wait_until stays 15
	wait_until all_advised
	wait_until last_pace "watch at 0.5 % of a CPU: settled"
	end_tuner TERM
	as_before
	replayed "$record"
}

@test "live: the log warns once of a rule that merges the memory of two users" {
	need_unprivileged
	held 1
	tune
	wait_until says "is advised"
	! says warning || fail "of one user" "$(<"$log")"
	chmod a+rx "$BATS_FILE_TMPDIR" "${BATS_FILE_TMPDIR%/*}"
	chmod a+rw "$BATS_TEST_TMPDIR/in"
	as=(setpriv --reuid=65534 --regid=65534 --clear-groups --)
	held 1
	wait_until says "^rule held: warning: processes of 2 users are advised, "
	wait_until says "stays advised"
	expect 0 ksm-autotune explain
	stdout_has "2 are advised"
	stdout_has "and belong to 2 users, of whom each can find out"
	same "times" "$(grep -c warning: "$log")" 1
	end_tuner TERM
	as_before
}

@test "live: who takes part by himself is left alone, and has the scanner hurry" {
	held 1 -a
	tune
	wait_until says "scan at 50.0 % of a CPU: rule held: 1 that takes part started"
	wait_until says "watch at 0.5 % of a CPU: settled"
	expect 0 ksm-autotune status -p
	stdout_has "it takes part already, and not by us"
	sed -i '/^on-stop/d; s/^\[daemon\]/&\non-stop=undo/' "$conf"
	kill -HUP "$tuner"
	wait_until says "configuration loaded"
	end_tuner TERM
	grep -q '^VmFlags:.* mg' "/proc/${held[0]}/smaps" || fail "its own marks are gone"
}

@test "live: what others set is theirs, until kick --take" {
	tune
	wait_until decided
	wait_until runs
	for what in "pages_to_scan 7" "sleep_millisecs 77" "run 0"; do
		name=${what% *}
		echo "${what#* }" >"$ksm/$name"
		wait_until says "^$name: somebody else has set it from .* to ${what#* }; it is left so"
		sleep 0.3
		file_is "$ksm/$name" "${what#* }"
	done
	expect 1 ksm-autotune verify
	stdout_has "run: is 0, and 1 is wanted: somebody else has set it"
	stdout_has "pages_to_scan: is 7, and "
	expect 0 ksm-autotune kick --take
	wait_until says "what others have set is set by decision again"
	wait_until runs
	wait_until ksm-autotune verify
	# What others set and still have is not put back to what it was before.
	echo 88 >"$ksm/sleep_millisecs"
	wait_until says "to 88; it is left so"
	end_tuner TERM
	file_is $ksm/sleep_millisecs 88
	ksmctl set -q sleep_millisecs "$(awk '$1 == "sleep_millisecs" { print $2 }' <<<"$before")"
	as_before
}

@test "live: a control group of version 1 that asks for it is left alone" {
	[[ -d /sys/fs/cgroup/memory/ ]] || skip "no memory controller of version 1 here"
	command -v "$PYTHON" >/dev/null || skip "nothing to set an attribute with"
	group=/sys/fs/cgroup/memory/ksm-autotune-test.$$
	mkdir "$group" || skip "no control group can be made"
	"$PYTHON" -c 'import os, sys; os.setxattr(sys.argv[1], "user.ksm.avoid", b"1")' "$group"
	held 2
	echo "${held[0]}" >"$group/tasks"
	tune
	wait_until says "is advised"
	expect 0 ksm-autotune status -p
	stdout_has "its control group has user.ksm.avoid"
	any "${held[0]}" no
	any "${held[1]}" yes
	end_tuner TERM
	reap_spawned
	wait_until rmdir "$group"
}

@test "live: with the kernel's advisor its rate is never written" {
	has advisor_mode || skip "no advisor_mode (Linux 6.8)"
	sed -i 's/^advisor=no/advisor=yes/' "$conf"
	held 2
	tune
	wait_until says "are advised"
	wait_until says "watch at 0.5 % of a CPU: settled"
	[[ $(<$ksm/advisor_mode) == *"[scan-time]"* ]]
	! says "pages_to_scan" || fail "pages_to_scan was written" "$(<"$log")"
	echo none >$ksm/advisor_mode
	wait_until says "^advisor_mode: somebody else has set it from scan-time to none; it is left so"
	sleep 0.3
	[[ $(<$ksm/advisor_mode) == "[none]"* ]]
	ksmctl set -q advisor_mode none
	end_tuner TERM
}

# moving HOW: tests/advise/grow with memory whose duplicates SIGHUP moves, in $mover, and a
# rule for it alone.
moving() {
	local grow=$KSM_BUILDDIR/tests/advise/grow

	[[ -x $grow ]] || skip "tests/advise/grow is not built"
	sed -i "s,^match-exe=.*,match-exe=$grow,; s/^advise=.*/advise=where-it-pays/
		s/^cooldown=.*/&\nagain=2s/; s/^\[daemon\]/&\non-stop=undo/" "$conf"
	start "$grow" "$1" >"$BATS_TEST_TMPDIR/moves"
	mover=$spawned
	wait_until test -s "$BATS_TEST_TMPDIR/moves"
}

# marks: what of $mover is marked, a line for each mapping.
marks() {
	awk '/^[0-9a-f]+-[0-9a-f]+ / { at = $1 } /^VmFlags:.* mg/ { print at }' "/proc/$mover/smaps"
}

@test "live: places age: what became hot is marked, what went cold is not any more" {
	moving moves
	tune
	wait_until says "grow) is advised where it pays"
	wait_until says "grow) stays advised"
	was=$(marks)
	kill -HUP "$mover"
	wait_until says "grow) is marked anew: 1 range became hot and 1 went cold"
	wait_until says_times 2 "grow) stays advised"
	after=$(marks)
	[[ $after != "$was" ]] || fail "nothing was moved" "$after"
	# Most of it is where it was.
	[[ $(sort <<<"$was"$'\n'"$after" | uniq -d) ]] || fail "$was, then $after"
	same "mappings" "$(wc -l <<<"$after")" "$(wc -l <<<"$was")"
	any "$mover" no
	end_tuner TERM
	as_before
	same "marks" "$(marks)" ""
}

@test "live: places that do not last: all of it, as that pays" {
	moving flees
	tune
	wait_until says "grow) stays advised"
	kill -HUP "$mover"
	wait_until says "grow) is advised: its places do not last"
	any "$mover" yes
	wait_until says_times 2 "grow) stays advised"
	end_tuner TERM
	as_before
	any "$mover" no
	same "marks" "$(marks)" ""
}

# limited: a control group in $group with 64 MiB, of either version.
limited() {
	local top=/sys/fs/cgroup limit=memory.max

	if [[ -d $top/memory ]]; then
		top+=/memory limit=memory.limit_in_bytes
	fi
	group=$top/ksm-autotune-test.$$
	mkdir "$group" 2>/dev/null || skip "no control group can be made"
	[[ -w $group/$limit ]] && echo $((64 << 20)) >"$group/$limit" || {
		rmdir "$group"
		skip "no control group that limits memory"
	}
}

# hog: something waits for memory, without taking much of it: two that read a file again
# and again, of which no more than a part may stay.  Whoever writes it has it on his bill.
hog() {
	local i

	for i in 1 2; do
		# shellcheck disable=SC2016 # the inner shell's
		start bash -c 'echo $$ >"$0/cgroup.procs" && head -c 100M /dev/zero >"$1" &&
			while cat "$1" >/dev/null; do :; done' "$group" "$BATS_TEST_TMPDIR/file.$i" 9>&-
	done
}

needs_none() { ksm-autotune status | grep -q '^need  *no; '; }

@test "live: pressure has it hurry, and without need it watches" {
	[[ -r /proc/pressure/memory && -n $(</proc/pressure/memory) ]] || skip "no pressure figures"
	[[ $(stat -f -c %T "$BATS_TEST_TMPDIR") != @(tmpfs|ramfs) ]] || skip "files that stay in memory"
	limited
	sed -i 's/^\[scanner\]/&\nneed=memory\nneed-for=1s\navailable-below=0%\navailable-above=0%\nfull-above=0%\nfull-below=0%\nsome-above=1%\nsome-below=0.5%/' "$conf"
	tune
	wait_until says "^watch at 0.5 % of a CPU: memory is not short"
	hog
	wait_until says "^scan at 50.0 % of a CPU: for [0-9.]* % of the last 1 s something waited for memory"
	kill "${SPAWNED[@]:1}"
	wait "${SPAWNED[@]:1}" 2>/dev/null || :
	wait_until rmdir "$group" 2>/dev/null
	# Who read files may have paused for a second before, or a pass was made that found
	# nothing: it watches from then on, for that reason, and what counts is what it says of now.
	wait_until says_times 2 "^watch at 0.5 % of a CPU: "
	wait_until needs_none
	end_tuner TERM
	as_before
}

# decisions: the lines of stdin that say how fast is scanned, and whose settings are.
decisions() { grep -E '^(scan at|watch at|stop:) |: somebody else has set it '; }

# replayed FILE: what was recorded there is decided again, as the log has it.
replayed() {
	local said

	said=$(decisions <"$log")
	expect 0 ksm-autotune replay -C "$conf" "$1"
	stderr_is ""
	stdout_is "$said"
}

@test "live: what was recorded is decided again" {
	record=$BATS_TEST_TMPDIR/record
	held 1 -a
	held 3
	tune --record "$record"
	wait_until says "scan at 50.0 % of a CPU: rule held: 1 that takes part started"
	wait_until says "3 processes stay advised, with"
	wait_until says "watch at 0.5 % of a CPU: settled"
	expect 0 ksm-autotune kick
	wait_until says "scan at 50.0 % of a CPU: kicked"
	# What is set just before a decision is set over: nobody has seen it.
	set_by_others() { echo 7 >"$ksm/pages_to_scan"; says "^pages_to_scan: somebody else has set it"; }
	wait_until set_by_others
	expect 0 ksm-autotune kick --take
	wait_until says "what others have set is set by decision again"
	wait_until runs
	wait_until ksm-autotune verify
	echo 0 >"$ksm/run"
	wait_until says "^run: somebody else has set it"
	end_tuner TERM
	replayed "$record"
	# In two parts it is the same story.
	looks=$(grep -c '^e$' "$record")
	half=$(grep -n '^e$' "$record" | sed -n "$((looks / 2))s/:.*//p")
	head -n "$half" "$record" >"$record.1"
	{
		head -n 1 "$record"
		tail -n +$((half + 1)) "$record"
	} >"$record.2"
	expect 0 ksm-autotune replay -C "$conf" "$record.1" "$record.2"
	stdout_is "$(decisions <"$log")"
	expect 0 ksmtop -b -q --replay "$record" --speed 0
	stderr_is ""

	# A dry run is recorded likewise.
	: >"$log"
	ksmctl restore -q - <<<"$before"
	tune -n -c 8 --record "$record"
	wait "$tuner"
	says "at .* of a CPU"
	replayed "$record"
}

@test "live: what cannot be recorded any more does not end the daemon" {
	need_mounts
	start unshare -m bash -c 'mkdir "$1" && mount -t tmpfs -o size=4k none "$1" &&
		exec ksm-autotune -C "$2" --record "$1/record"' bash \
		"$BATS_TEST_TMPDIR/small" "$conf" 2>"$log" 9>&-
	tuner=$spawned
	wait_until says "what is seen cannot be recorded any more: No space left on device"
	wait_until runs
	expect 0 ksm-autotune kick
	wait_until says "at 50.0 % of a CPU: kicked"
	same "times" "$(grep -c 'cannot be recorded' "$log")" 1
	end_tuner TERM
	as_before
}

@test "live: killed, and the verbs say so until restore puts everything back" {
	expect 0 ksm-autotune restore
	stderr_has "no daemon has left anything to put back"
	tune
	wait_until runs
	end_tuner KILL
	expect 1 ksm-autotune status
	stdout_has "$tuner, which runs no more and put nothing back (ksm-autotune restore does)"
	expect 1 ksm-autotune verify
	stderr_has "the daemon ($tuner) runs no more"
	expect 1 ksm-autotune kick
	stderr_is "ksm-autotune: no daemon runs"
	expect 0 ksm-autotune restore
	as_before
}

# nap MS: without a process, of which that many lives would make thousands.
nap() {
	local seconds

	[[ -p $BATS_TEST_TMPDIR/nap ]] || mkfifo "$BATS_TEST_TMPDIR/nap"
	[[ -n ${napping-} ]] || exec {napping}<>"$BATS_TEST_TMPDIR/nap"
	printf -v seconds '%d.%03d' $(($1 / 1000)) $(($1 % 1000))
	read -r -t "$seconds" -u "$napping" || :
}

# soon COMMAND...: wait_until, looked at each millisecond.
soon() {
	local tries

	for ((tries = 0; tries < 30000; tries++)); do
		"$@" && return
		nap 1
	done
	fail "never came true: $*"
}

# as_found WHEN: settings, of found[], and marks.
as_found() {
	local pid name value

	for name in "${!found[@]}"; do
		IFS= read -r value <"$ksm/$name"
		same "$name, $1" "$value" "${found[$name]}" || return
	done
	for pid in "${held[@]}"; do
		kill -0 "$pid" 2>/dev/null || fail "$pid has ended, $1" || return
		! grep -q '^VmFlags:.* mg' "/proc/$pid/smaps" ||
			fail "$pid has marks, $1" "$(<$state/advised)" || return
	done
	[[ ! -e $state/found && ! -e $state/decision && ! -e $state/advised ]] ||
		fail "notes are left, $1" "$(ls $state)"
}

noted() { [[ -e $state/found ]]; }
noted_whom() { [[ -e $state/advised ]]; }
is_advised() { [[ $(<"$log") == *" are advised"* ]]; }

# By hand with KSM_KILLS=200: two minutes where others work, too.
@test "live: killed at many moments, and restore puts back settings and marks" {
	local -A found=() saw=()
	local i name at when moments=${KSM_KILLS:-48}

	sed -i 's/^\[daemon\]/&\non-stop=undo/' "$conf"
	sed 's/^advise=.*/advise=where-it-pays/' "$conf" >"$conf.1"
	cp "$conf" "$conf.0"
	held 2
	while read -r name _; do
		[[ $name == "#"* ]] || IFS= read -r "found[$name]" <"$ksm/$name"
	done <<<"$before"
	((${#found[@]} > 3)) || fail "nothing to compare"
	for ((i = 0; i < moments; i++)); do
		conf=${conf%.[01]}.$((i / 4 % 2))
		: >"$log"
		tune
		# At any time from its beginning, around each of its notes, and of its work.
		case $((i % 4)) in
		0) at=60 ;;
		1) at=30; soon noted ;;
		2) at=30; soon noted_whom ;;
		3) at=150; soon is_advised ;;
		esac
		nap $((RANDOM % at))
		when=nothing
		! noted || when=settings
		! noted_whom || when+=+processes
		! is_advised || when+=+advised
		end_tuner KILL
		saw[$when]=$((${saw[$when]:-0} + 1))
		if ((i % 5 == 0)); then
			# Whoever puts back may be killed, too.
			start ksm-autotune restore -C "$conf" 2>>"$log" 9>&-
			nap $((RANDOM % 30))
			kill -KILL "$spawned" 2>/dev/null || :
			wait "$spawned" 2>/dev/null || :
		fi
		ksm-autotune restore -C "$conf" 2>>"$log" || fail "restore, moment $i, $when"
		as_found "moment $i, $when"
	done
	for when in "${!saw[@]}"; do
		echo "# killed ${saw[$when]} times with $when noted or done" >&3
	done
	((${saw[settings+processes+advised]} >= moments / 4))
}

@test "live: killed, and the next one knows what was found and who is ours" {
	held 2
	tune
	wait_until says "2 processes are advised"
	end_tuner KILL
	runs
	: >"$log"
	tune
	wait_until says "the last one ended without putting back [0-9]* settings"
	wait_until says "2 processes stay advised"
	end_tuner TERM
	as_before
}

@test "live: one daemon, and none beside ksmtuned" {
	tune
	wait_until decided
	expect 1 ksm-autotune -C "$conf"
	stderr_is "ksm-autotune: cannot begin: another ksm-autotune runs ($tuner)"
	expect 1 ksm-autotune restore
	stderr_is "ksm-autotune: another ksm-autotune runs ($tuner)"
	end_tuner TERM
	cp "$(command -v sleep)" "$BATS_TEST_TMPDIR/ksmtuned"
	start "$BATS_TEST_TMPDIR/ksmtuned" 60
	expect 1 ksm-autotune -C "$conf"
	stderr_is "ksm-autotune: cannot begin: ksmtuned runs ($spawned), and decides about the same settings (stop it: systemctl disable --now ksmtuned)"
	as_before
}

@test "live: a mistake in the configuration leaves the old one in force" {
	tune
	wait_until decided
	echo "speed=3" >>"$conf"
	kill -HUP "$tuner"
	wait_until says "$conf:13: unknown key \"speed\" in a rule"
	wait_until says "the configuration stays as it was"
	held 2
	wait_until all_advised
	end_tuner TERM
	expect 1 ksm-autotune -C "$conf"
	stderr_is "ksm-autotune: $conf:13: unknown key \"speed\" in a rule"
}

@test "live: what cannot be noted is not written" {
	need_mounts
	mkdir -p $state
	start unshare -m bash -c 'mount -t tmpfs -o size=4k,nr_inodes=4,mode=0755 none "$1" &&
		head -c 4096 /dev/zero >"$1/full" && exec ksm-autotune -C "$2"' bash \
		$state "$conf" 2>"$log" 9>&-
	tuner=$spawned
	wait_until says "cannot note what was found: No space left on device; settings stay as they are"
	sleep 0.5
	as_before
	# Said once, not with each look.
	same "times" "$(grep -c 'cannot note what was found' "$log")" 1
	end_tuner TERM
}

@test "live: --dry-run writes nothing, and keeps nothing" {
	held 2
	tune -n -c 12
	wait "$tuner"
	says "2 processes would be advised"
	as_before
	[[ ! -e $state/decision ]] || fail "a dry run left a note"
	any "${held[0]}" no
}
