#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# advise-oci.bats - ksm-advise --oci-hook: who asked is changed, who did not is left alone,
# and what is wrong keeps nobody from starting unless that was asked for, and never hangs.

load ../lib/helpers
load advise

MERGE='"org.ksm-utils.merge":"yes"'
REQUIRED='"org.ksm-utils.required":"yes"'

# state PID [ANNOTATIONS [STATUS]]: as a runtime tells it.
state() {
	printf '{"ociVersion":"1.0.2","id":"web","status":"%s","pid":%s,"bundle":"/b","annotations":{%s}}' \
		"${3:-created}" "$1" "${2-}"
}

# hook STATUS STATE [OPTION...]
hook() {
	printf '%s' "$2" >"$BATS_TEST_TMPDIR/state"
	expect "$1" timeout 60 ksm-advise --oci-hook "${@:3}" <"$BATS_TEST_TMPDIR/state"
	stdout_is ""
}

@test "oci: a container that asks for it" {
	need_injection
	target
	is_merging "$spawned" off || skip "merging is on for this shell"
	hook 0 "$(state "$spawned" "$MERGE")" -v
	stderr_is "ksm-advise: container web: $spawned: merging enabled (prctl)"
	is_merging "$spawned" on
	asleep "$spawned"
	# As at the next stage, where nothing is left to do.
	hook 0 "$(state "$spawned" "$MERGE,$REQUIRED" running)" -v
	stderr_is "ksm-advise: container web: $spawned: nothing to do: merging is on"
}

@test "oci: who asks for nothing is left alone, silently" {
	need_injection
	target
	is_merging "$spawned" off || skip "merging is on for this shell"
	for annotations in '' '"org.ksm-utils.merge":"no"' "$REQUIRED" '"org.example":"yes"'; do
		hook 0 "$(state "$spawned" "$annotations")" -v
		stderr_is ""
	done
	hook 0 "{\"pid\":$spawned}" --strict
	stderr_is ""
	# Also where whoever wrote the hook down asks for all.
	expect 0 ksm-advise --oci-hook=always < <(state "$spawned" '"org.ksm-utils.merge":"no"')
	stderr_is ""
	is_merging "$spawned" off
	expect 0 ksm-advise --oci-hook=always < <(state "$spawned")
	stderr_is ""
	is_merging "$spawned" on
}

@test "oci: a program that has started others" {
	need_injection
	mkfifo "$BATS_TEST_TMPDIR/stay"
	# shellcheck disable=SC2016
	spawn bash -c 'sleep 1000 & echo $! >"$1/child.new"; mv "$1/child.new" "$1/child"
		wait' - "$BATS_TEST_TMPDIR"
	wait_until test -s "$BATS_TEST_TMPDIR/child"
	child=$(<"$BATS_TEST_TMPDIR/child")
	wait_until grep -q '^Name:.*sleep' "/proc/$child/status"
	if is_merging "$child" on; then
		kill "$child"
		skip "merging is on for this shell"
	fi
	hook 0 "$(state "$spawned" "$MERGE" running)"
	stderr_is ""
	is_merging "$spawned" on
	is_merging "$child" on
	kill "$child"
}

# Each line: what the state is, and what is said of it.
@test "oci: what is wrong is told, and counts where it was asked for" {
	need_ksm
	gone=$(bash -c 'echo $$')
	while IFS='|' read -r text says; do
		hook 0 "$text"
		stderr_has "ksm-advise: $says"
		same "lines of $text" "${#stderr_lines[@]}" 1
		hook 1 "$text" --strict
		stderr_has "ksm-advise: $says"
	done <<-EOF
		|state on standard input: not JSON at byte 1
		nonsense|state on standard input: not JSON at byte 1
		{"id":"web"|state on standard input: not JSON at byte 12
		[]|state on standard input: not a JSON object
		{"id":"web","annotations":{$MERGE}}|container web: state on standard input: pid: missing
		$(state 0 "$MERGE")|container web: state on standard input: pid: missing
		$(state 99999999999 "$MERGE")|container web: state on standard input: pid: missing
		$(state 42 "$MERGE,$MERGE")|container web: state on standard input: annotation org.ksm-utils.merge: it is there twice
		$(state 42 '"org.ksm-utils.merge":"si"')|container web: state on standard input: annotation org.ksm-utils.merge: "si": neither
		$(state "$gone" "$MERGE")|container web: cannot enable merging: process $gone: No such process
		$(state 1 "$MERGE")|container web: cannot enable merging: process 1: it is not the process of a container
	EOF
	hook 0 "$(state "$gone" "$MERGE")"
	stderr_has "(it starts without)"
	hook 1 "$(state "$gone" "$MERGE,$REQUIRED")"
	[[ $stderr != *"starts without"* ]] || fail "$stderr"
	hook 1 "$(state "$gone" "\"org.ksm-utils.merge\":\"si\",$REQUIRED")"
}

@test "oci: a process that is younger than the hook is not the container's" {
	need_injection
	mkfifo "$BATS_TEST_TMPDIR/in"
	ksm-advise --oci-hook --strict <"$BATS_TEST_TMPDIR/in" 2>"$BATS_TEST_TMPDIR/err" &
	hook=$!
	exec 9>"$BATS_TEST_TMPDIR/in"
	began=$(awk '{ print $22 }' "/proc/$hook/stat")
	# The clock of start times has ticks of 10 ms.
	younger() {
		target
		(($(awk '{ print $22 }' "/proc/$spawned/stat") > began))
	}
	wait_until younger 9>&-
	state "$spawned" "$MERGE" >&9
	exec 9>&-
	rc=0
	wait "$hook" || rc=$?
	[[ $(<"$BATS_TEST_TMPDIR/err") != *"did not end"* ]] || skip "this machine was too slow"
	same status "$rc" 1
	same stderr "$(<"$BATS_TEST_TMPDIR/err")" \
		"ksm-advise: container web: cannot enable merging: process $spawned: it has ended, and its number is another's"
	is_merging "$spawned" off || skip "merging is on for this shell"
}

@test "oci: input without end, and input that never comes" {
	need_ksm
	expect 0 timeout 60 ksm-advise --oci-hook < <(yes '[')
	stderr_has "ksm-advise: standard input: longer than the state of a container can be"
	expect 1 timeout 60 ksm-advise --oci-hook --strict < <(head -c 3000000 /dev/zero)
	stderr_has "ksm-advise: standard input: longer than"
	hook 0 "$(printf '[%.0s' {1..200})"
	stderr_has "state on standard input: nested too deeply at byte "
	mkfifo "$BATS_TEST_TMPDIR/in"
	exec 9<>"$BATS_TEST_TMPDIR/in"
	expect 1 timeout 60 ksm-advise --oci-hook --strict <&9
	stderr_is "ksm-advise: standard input: the state of the container did not end in 10 s"
	expect 0 ksm-advise --oci-hook <&-
	stderr_has "ksm-advise: standard input: Bad file descriptor"
	exec 9>&-
}

@test "oci: names that mean harm are never raw" {
	need_ksm
	hook 0 '{"id":"\u001b[2Jx\ny","pid":0,"annotations":{"org.ksm-utils.merge":"yes"}}'
	clean_text
	same lines "${#stderr_lines[@]}" 1
	hook 0 '{"id":"x","pid":7,"annotations":{"org.ksm-utils.merge":"\u001b[2J"}}'
	clean_text
	same lines "${#stderr_lines[@]}" 1
}

@test "oci: what does not go with it" {
	while IFS='|' read -r args says; do
		# shellcheck disable=SC2086
		expect 2 ksm-advise $args </dev/null
		stdout_is ""
		stderr_has "ksm-advise: $says"
	done <<-'EOF'
		--oci-hook=never|--oci-hook: never: neither annotated nor always
		--oci-hook -p 1|--oci-hook takes its process from standard input
		--oci-hook -d|--oci-hook goes with --strict, --mechanism, -q and -v only
		--oci-hook -w|--oci-hook goes with
		--oci-hook -m preload|preload cannot reach a running process
	EOF
	expect 125 ksm-advise --oci-hook -- true </dev/null
	stderr_has "ksm-advise: --oci-hook takes its process from standard input, not a COMMAND"
}

# podman and CRI-O take the file as it is (oci-hooks(5)).
@test "oci: the file for hooks.d" {
	file=$KSM_BUILDDIR/tools/packaging/containers/ksm-utils.json
	jq -e '.version == "1.0.0" and (.hook.path | endswith("/bin/ksm-advise")) and
		.hook.args == ["ksm-advise", "--oci-hook"] and
		.stages == ["createRuntime", "poststart"]' "$file" >/dev/null
	same annotation "$(jq -r '.when.annotations | keys[]' "$file")" '^org\.ksm-utils\.merge$'
	# Each stage ends well within the time that the runtime gives it.
	(($(jq .hook.timeout "$file") >= 20))
}
