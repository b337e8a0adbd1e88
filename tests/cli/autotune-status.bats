#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# autotune-status.bats - what ksm-autotune tells of a daemon from its note: one that
# runs, one that hangs, one that was killed; and of rules whose processes belong to
# several users.

load ../lib/helpers

note=run/ksm-autotune/decision

setup() {
	need_autotune
	use_root 6.12-tuned
}

# due SECONDS: so long before the moment of the dump it should have looked again.
due() {
	local when

	when=$(sed -n 's/^when_ns //p' "$ROOT/meta")
	sed -i "/^due_ns=/d; s/^need=/due_ns=$((when - $1 * 1000000000))\nneed=/" "$ROOT/$note"
}

@test "status: a daemon that runs" {
	due 60
	expect 0 ksm-autotune -s "$ROOT" status
	stderr_is ""
	golden runs
	expect 0 ksm-autotune -s "$ROOT" status -J
	stdout_has '"alive": true,'
	stdout_has '"late": 0,'
	valid_json
	expect 0 ksm-autotune -s "$ROOT" explain
	stderr_is ""
	golden explained
}

@test "status: a daemon that hangs" {
	due 303
	expect 1 ksm-autotune -s "$ROOT" status
	stdout_has "daemon     900, which hangs: its next look is 5m03s overdue (systemctl restart ksm-autotune)"
	stderr_is ""
	expect 1 ksm-autotune -s "$ROOT" status -J
	stdout_has '"alive": true,'
	stdout_has '"late": 303,'
	valid_json
	expect 0 ksm-autotune -s "$ROOT" explain
	stdout_has "ksm-autotune (900) hangs: its next look is 5m03s overdue; it had decided, at "
	expect 1 ksm-autotune -s "$ROOT" verify
	stderr_is "ksm-autotune: the daemon (900) hangs: its next look is overdue"
	expect 0 ksmctl -s "$ROOT" status
	stdout_has "warning    ksm-autotune (pid 900) hangs: its next look is 5m03s overdue
             systemctl restart ksm-autotune"
	expect 0 ksmctl -s "$ROOT" status -J
	stdout_has '"ksm_autotune": "hangs",'
	valid_json
	expect 1 ksmctl -s "$ROOT" doctor
	stdout_has "system: ksm-autotune (pid 900) hangs: its next look is 5m03s overdue  [systemctl restart ksm-autotune]"
	expect 0 ksmctl -s "$ROOT" metrics
	stdout_has "ksm_autotune_late_seconds 303"
	# Between looks of an hour, an hour and a half is no reason to complain.
	sed -i 's/^next=.*/next=1735694195/' "$ROOT/$note"
	sed -i 's/^when_ns .*/when_ns 100000000000000/' "$ROOT/meta"
	due 5400
	expect 0 ksm-autotune -s "$ROOT" status
	due 7300
	expect 1 ksm-autotune -s "$ROOT" status
}

@test "status: a daemon that was killed, and one whose number is another's" {
	due 303
	for _ in 1 2; do
		sed -i 's/ 6000 / 6001 /' "$ROOT/proc/900/stat" 2>/dev/null || :
		expect 1 ksm-autotune -s "$ROOT" status
		stdout_has "daemon     900, which runs no more and put nothing back (ksm-autotune restore does)"
		expect 1 ksm-autotune -s "$ROOT" status -J
		stdout_has '"alive": false,'
		stdout_has '"late": 0,'
		expect 0 ksm-autotune -s "$ROOT" explain
		stdout_has "ksm-autotune (900) runs no more, and put nothing back; it had decided, at "
		expect 1 ksm-autotune -s "$ROOT" verify
		stderr_is "ksm-autotune: the daemon (900) runs no more, and put nothing back (ksm-autotune restore does)"
		rm -rf "$ROOT/proc/900"
	done
}

@test "status: a rule whose processes belong to several users" {
	expect 0 ksm-autotune -s "$ROOT" explain
	[[ $output != *users* ]] || fail "$output"
	sed -i '0,/^meta_bytes=.*/s//&\nusers=3/' "$ROOT/$note"
	expect 0 ksm-autotune -s "$ROOT" explain
	stdout_has "2 are advised, and save 8.2 MiB for 563 KiB of metadata, and belong to 3 users, of whom each can find out what the memory of the others holds; 1 waits"
	expect 0 ksm-autotune -s "$ROOT" status -J
	stdout_has '"users": 3'
	expect 0 ksmctl -s "$ROOT" metrics
	stdout_has 'ksm_autotune_rule_users{rule="interpreters"} 3'
}

@test "an advisor that a newer kernel has is shown by its name" {
	sed -i 's/^want.advisor_mode=.*/want.advisor_mode=frequency/' "$ROOT/$note"
	expect 0 ksm-autotune -s "$ROOT" status
	stdout_has " advisor_mode=frequency "
	expect 0 ksmctl -s "$ROOT" status
	stderr_is ""
}

@test "check-config: rules that may span users are warned of" {
	rule=$BATS_TEST_TMPDIR/rule
	spans() { stderr_is "ksm-autotune: warning: rule x: may advise processes of more than one user, of whom each can find out what the memory of the others holds (one match-user= for each rule; see Security in ksm-autotune(8))"; }
	for users in "match-comm=y" "match-user=a*" "match-user=~^a" \
		$'match-user=a\nmatch-user=b'; do
		printf '[rule x]\n%s\nadvise=whole\n' "$users" >"$rule"
		expect 0 ksm-autotune check-config -C "$rule"
		stdout_has "[rule x]"
		spans
		expect 0 ksm-autotune -q check-config -C "$rule"
		stderr_is ""
	done
	printf '[rule x]\nmatch-user=a\nmatch-comm=*\nadvise=where-it-pays\n' >"$rule"
	expect 0 ksm-autotune check-config -C "$rule"
	stderr_is ""
	printf '[rule x]\nmatch-comm=*\nadvise=as-is\n' >"$rule"
	expect 0 ksm-autotune check-config -C "$rule"
	stderr_is ""
}

@test "check-config: there are no domains" {
	printf '[rule x]\nmatch-user=a\nadvise=whole\ndomain=a\n' >"$BATS_TEST_TMPDIR/rule"
	expect 1 ksm-autotune check-config -C "$BATS_TEST_TMPDIR/rule"
	stdout_is ""
	stderr_is "ksm-autotune: $BATS_TEST_TMPDIR/rule:4: domain: no kernel has domains of merging: what is advised merges with whatever is mergeable, of any rule and user"
}
