#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# live-oci.bats - ksm-advise --oci-hook called by real runtimes, runc and crun, for a
# container of busybox: at which stage the program finds itself mergeable.

load ../lib/helpers
load advise

setup() {
	need_root
	need_mounts
	need_injection
	need_plain
	busybox=$(command -v busybox) || skip "busybox is not installed"
	! ldd "$busybox" >/dev/null 2>&1 || skip "busybox is not static (busybox-static)"
	is_merging $$ off || skip "merging is on for this shell"
	cd "$BATS_TEST_TMPDIR" || return
	mkdir -p bundle/rootfs/{bin,proc} state
	cp "$busybox" bundle/rootfs/bin/busybox
	for name in sh sleep grep; do ln -s busybox "bundle/rootfs/bin/$name"; done
	container=ksm-test-$$-$BATS_TEST_NUMBER
}

teardown() {
	[[ ! -v runtime || ! -v container ]] || run_runtime delete -f "$container" >/dev/null 2>&1 || :
	reap_spawned
}

# The runtime of the test. crun refuses a host that has both versions of cgroups, so it is
# given a view in which there is version 2 alone, and puts the container in none.
run_runtime() {
	case $runtime in
	runc) runc --root "$BATS_TEST_TMPDIR/state" "$@" ;;
	crun)
		# shellcheck disable=SC2016
		unshare -m bash -c 'mount -t cgroup2 none /sys/fs/cgroup || exit 99
			exec crun --cgroup-manager=disabled --root "$@"' - \
			"$BATS_TEST_TMPDIR/state" "$@"
		;;
	esac
}

# start STAGE ANNOTATIONS OPTION...: a container with the hook there; its process in $pid.
start() {
	local stage=$1 annotations=$2
	shift 2
	command -v "$runtime" >/dev/null || skip "$runtime is not installed"
	(cd bundle && rm -f config.json && "$runtime" spec) || skip "$runtime makes no bundle"
	jq --arg hook "$KSM_BUILDDIR/ksm-advise" --arg stage "$stage" \
		--argjson annotations "$annotations" \
		--argjson args "$(jq -cn '$ARGS.positional' --args -- ksm-advise --oci-hook "$@")" '
		.process.terminal = false | .annotations = $annotations |
		.process.args = ["/bin/sh", "-c", "grep -c \" mg\" /proc/self/smaps; exec sleep 1000"] |
		.hooks = { ($stage): [ { path: $hook, args: $args } ] }' \
		bundle/config.json >config.new
	mv config.new bundle/config.json
	rm -f pid
	rc=0
	run_runtime run -d --bundle "$BATS_TEST_TMPDIR/bundle" --pid-file "$BATS_TEST_TMPDIR/pid" \
		"$container" </dev/null >out 2>err || rc=$?
	if ((rc)) && [[ ! -v refusal ]]; then
		# A machine on which none runs tells nothing of the hook.
		jq 'del(.hooks)' bundle/config.json >config.new && mv config.new bundle/config.json
		run_runtime delete -f "$container" >/dev/null 2>&1 || :
		run_runtime run -d --bundle "$BATS_TEST_TMPDIR/bundle" "$container" \
			</dev/null >/dev/null 2>bare ||
			skip "$runtime runs no container here: $(head -n 1 bare)"
		fail "with the hook it does not start: $(cat err)"
	fi
	pid=$(cat pid 2>/dev/null) || :
}

ASKS='{"org.ksm-utils.merge":"yes"}'
MUST='{"org.ksm-utils.merge":"yes","org.ksm-utils.required":"yes"}'

# The program's first act is to count its own mergeable mappings.
counted() { [[ -s out ]]; }
# at_once: it was mergeable before it ran.
at_once() {
	start createRuntime "$MUST"
	wait_until counted
	is_merging "$pid" on
	(($(head -n 1 out) > 0)) || fail "it began unmergeable: $(cat out err)"
}
later() {
	start poststart "$MUST"
	is_merging "$pid" on
}
not_asked() {
	start createRuntime '{}' --strict
	wait_until counted
	same "mappings" "$(head -n 1 out)" 0
	is_merging "$pid" off
	same "what it said" "$(grep ksm-advise err || :)" ""
}
# An annotation that says neither yes nor no.
harmless() {
	start createRuntime '{"org.ksm-utils.merge":"si"}'
	wait_until counted
	is_merging "$pid" off
}
fatal() {
	refusal=yes
	start createRuntime '{"org.ksm-utils.merge":"si","org.ksm-utils.required":"yes"}'
	((rc)) || fail "it started: $(cat out err)"
	[[ ! -s out ]] || fail "the program ran: $(cat out)"
}

@test "runc: createRuntime: mergeable before the program's first instruction" { runtime=runc; at_once; }
@test "crun: createRuntime: mergeable before the program's first instruction" { runtime=crun; at_once; }
@test "runc: poststart: mergeable when run returns" { runtime=runc; later; }
@test "crun: poststart: mergeable when run returns" { runtime=crun; later; }
@test "runc: who asks for nothing is left alone" { runtime=runc; not_asked; }
@test "crun: who asks for nothing is left alone" { runtime=crun; not_asked; }
@test "runc: a mistake keeps no container from starting" { runtime=runc; harmless; }
@test "crun: a mistake keeps no container from starting" { runtime=crun; harmless; }
@test "runc: unless the annotation says so" { runtime=runc; fatal; }
@test "crun: unless the annotation says so" { runtime=crun; fatal; }
