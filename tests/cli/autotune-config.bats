#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# autotune-config.bats - the configuration that is installed: it says what holds without
# it, names every key, and has no active rule.

load ../lib/helpers

SHIPPED=$KSM_SRCDIR/tools/ksm-autotune/ksm-autotune.conf

setup() { need_autotune; }

# uncomment FILE: with all keys and sections in force.
uncomment() { sed -E 's/^#(\[|[a-z-]+=)/\1/' "$1"; }

# keys: their names, without those of match-, one a line.
keys() { sed -n 's/^\([a-z-]*\)=.*/\1/p' | grep -v '^match-' | sort -u; }

@test "as shipped, no rule is active and everything is as without a file" {
	expect 0 ksm-autotune check-config -C "$SHIPPED"
	stderr_is ""
	[[ $output != *"[rule"* ]] || fail "a rule is active" "$output"
	got=$output
	expect 0 ksm-autotune check-config -C /dev/null
	stderr_is ""
	same "check-config" "$got" "$output"
}

@test "without its comment signs it is valid, and says the defaults" {
	uncomment "$SHIPPED" >"$BATS_TEST_TMPDIR/all.conf"
	expect 0 ksm-autotune check-config -C "$BATS_TEST_TMPDIR/all.conf"
	# Whoever takes over the example of a team is to know what it means.
	[[ $stderr == "ksm-autotune: warning: rule team: may advise processes of more than one user, "* ]]
	same "lines of warnings" "${#stderr_lines[@]}" 1
	all=$output
	expect 0 ksm-autotune check-config -C /dev/null
	same "[daemon] and [scanner]" "$(sed '/^\[rule/,$d' <<<"$all")" "$output"
	# Each example of a rule took effect, with the defaults of what it leaves out.
	same "rules" "$(grep -c '^\[rule' <<<"$all")" "$(grep -c '^#\[rule' "$SHIPPED")"
	same "least gains" "$(grep '^min-gain' <<<"$all" | sort -u)" min-gain=4194304
	same "cool-downs" "$(grep '^cooldown' <<<"$all" | sort -u)" cooldown=600s
	# No key of the program is left out, and no value is told for two of them.
	same "keys" "$(uncomment "$SHIPPED" | keys)" "$(keys <<<"$all")"
	same "each key once outside of rules" \
		"$(uncomment "$SHIPPED" | sed '/^\[rule/,$d' | sed -n 's/=.*//p' | sort | uniq -d)" ""
}

@test "installed, it does not replace what somebody wrote" {
	[[ -f $KSM_BUILDDIR/Makefile ]] || skip "no build tree"
	to=$BATS_TEST_TMPDIR/to
	made() {
		env -u MAKEFLAGS -u MAKELEVEL make -s -C "$KSM_BUILDDIR" "$1" DESTDIR="$to" \
			sysconfdir=/etc >/dev/null
	}
	made install-data-local
	cmp "$SHIPPED" "$to/etc/ksm-autotune.conf"
	echo "[rule mine]" >"$to/etc/ksm-autotune.conf"
	made install-data-local
	made uninstall-local
	same "the configuration" "$(<"$to/etc/ksm-autotune.conf")" "[rule mine]"
	cp "$SHIPPED" "$to/etc/ksm-autotune.conf"
	made uninstall-local
	[[ ! -e $to/etc/ksm-autotune.conf ]] || fail "left behind as it was installed"
}
