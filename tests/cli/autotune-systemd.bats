#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# autotune-systemd.bats - the unit under systemd itself: what its restrictions leave to
# do. As root; a manager of our own runs in namespaces, with units of ours alone, and
# this machine's root directory read-only.

load ../lib/helpers
load ../lib/live

BUILT=$KSM_BUILDDIR/tools/ksm-autotune/ksm-autotune.service
FILTERED=$KSM_SRCDIR/tools/ksm-autotune/ksm-autotune-filtered.conf
MANAGER=

setup() {
	need_autotune
	need_root
	[[ -f $BUILT ]] || skip "no build tree"
	for manager in /lib/systemd/systemd /usr/lib/systemd/systemd; do
		[[ ! -x $manager ]] || MANAGER=$manager
	done
	[[ $MANAGER ]] || skip "no systemd"
	[[ -w /sys/kernel/mm/ksm/run ]] || skip "no KSM that can be written to"
	ROOM=$BATS_TEST_TMPDIR/room
	mkdir -p "$ROOM/units" "$ROOM/out" "$ROOM/cg"
	chmod 755 "$BATS_RUN_TMPDIR" "${BATS_TEST_TMPDIR%/*}" "$BATS_TEST_TMPDIR"
}

# What a test that was ended in the middle has left.
teardown() {
	[[ ! -s $BATS_TEST_TMPDIR/settings ]] || ksmctl restore -q "$BATS_TEST_TMPDIR/settings"
	reap_spawned
}

# unit NAME LINE...: a unit that waits for nothing of a real system.
unit() {
	local name=$1
	shift
	printf '%s\n' '[Unit]' DefaultDependencies=no "$@" >"$ROOM/units/$name"
}

# boot: a manager that starts trial.target; it ends when there is a file "done".
boot() {
	cat >"$ROOM/inside" <<-'END'
		set -e
		mount --make-rprivate /
		mount -t proc proc /proc
		mount -t tmpfs tmpfs /run
		mkdir -p /run/t/build /run/t/room
		mount --bind "$BUILD" /run/t/build
		mount --bind "$ROOM" /run/t/room
		mount -t tmpfs tmpfs /tmp
		# To see that the unit makes them read-only, and not we.
		for dir in /home /root /var; do
			mount -t tmpfs tmpfs "$dir"
		done
		mkdir /var/lib /var/tmp
		mount -t cgroup2 none /sys/fs/cgroup
		mount -o remount,bind,ro /
		touch /run/t/room/out/began
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=ksm-test \
			SYSTEMD_UNIT_PATH=/run/t/room/units \
			"$MANAGER" --system --unit=trial.target --log-target=console --show-status=no
	END
	cat >"$ROOM/outside" <<-'END'
		set -e
		# Below a control group of its own, which is gone afterwards.
		mount -t cgroup2 none "$ROOM/cg"
		own=$ROOM/cg$(sed -n 's/^0:://p' /proc/self/cgroup)
		mkdir "$own/ksm-test.$$"
		back() {
			echo 0 >"$own/cgroup.procs"
			for i in 1 2 3 4 5 6 7 8 9 10; do
				find "$own/ksm-test.$$" -depth -type d -exec rmdir {} + 2>/dev/null && break
				sleep 0.2
			done
		}
		trap back EXIT
		echo 0 >"$own/ksm-test.$$/cgroup.procs"
		unshare --cgroup --mount --pid --fork --uts --ipc --kill-child sh "$ROOM/inside" \
			>"$ROOM/log" 2>&1 &
		pid=$!
		for i in $(seq 300); do
			[ ! -e "$ROOM/out/done" ] || break
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.2
		done
		kill -KILL "$pid" 2>/dev/null || :
		wait "$pid" || :
	END
	export ROOM MANAGER BUILD=$KSM_BUILDDIR
	unshare --mount sh "$ROOM/outside" 3>&- >"$ROOM/log.outside" 2>&1 ||
		skip "no control groups or namespaces of our own here: $(tail -n 1 "$ROOM/log.outside")"
	[[ -e $ROOM/out/began ]] || skip "no mounts of our own here: $(tail -n 1 "$ROOM/log")"
	[[ -e $ROOM/out/done ]] || fail "it did not come to an end:" "$(<"$ROOM/log")"
}

# run_probe: the unit, with the probe in place of the daemon, beside two services.
run_probe() {
	printf '[daemon]\ninterval=100ms\n[rule x]\nmatch-comm=sleep\nadvise=where-it-pays\n' >"$ROOM/conf"
	probe >"$ROOM/probe"
	sed -E -e '/^(ExecReload|ExecStopPost|WatchdogSec|Restart.*)=/d' \
		-e 's,^ExecStart=.*,ExecStart=/bin/sh /run/t/room/probe,' \
		-e 's/^Type=.*/Type=oneshot/' -e '/^\[Unit\]/aDefaultDependencies=no' \
		-e 's,^RuntimeDirectoryPreserve=.*,&\nReadWritePaths=/run/t/room/out,' \
		-e '/^ProtectSystem=/aStandardOutput=file:/run/t/room/out/said\nStandardError=inherit' \
		"$BUILT" >"$ROOM/units/probe.service"
	unit plain.service '[Service]' User=65534 'ExecStart=/bin/sleep 600'
	unit filtered.service '[Service]' User=65534 'ExecStart=/bin/sleep 600' \
		SystemCallFilter=@system-service
	unit trial.target Requires=plain.service Requires=filtered.service Wants=probe.service \
		Wants=end.service
	unit end.service After=probe.service '[Service]' Type=oneshot \
		'ExecStart=/bin/touch /run/t/room/out/done'
	sed -i '/^DefaultDep/aAfter=plain.service filtered.service' "$ROOM/units/probe.service"
	boot
	said=$(cat "$ROOM/out/said" 2>&1) || fail "$said" "$(<"$ROOM/log")"
}

says() { contains "the probe" $'\n'"$said"$'\n' $'\n'"$1"$'\n'; }

# What the daemon must be able to do, and what nobody in its place should.
probe() {
	cat <<-'END'
		set +e
		PATH=/run/t/build:$PATH
		try() { what=$1; shift; if "$@" >/tmp/told 2>&1; then echo "can $what"; else echo "cannot $what"; cat /tmp/told >&2; fi; }
		same() { v=$(cat "$1") && echo "${v}" >"$1"; }
		sed -n 's/^\(Seccomp\|NoNewPrivs\|CapBnd\):\t*/\1 /p' /proc/self/status
		try "set KSM" same /sys/kernel/mm/ksm/sleep_millisecs
		try "set huge pages" same /sys/kernel/mm/transparent_hugepage/khugepaged/defrag
		try "set sysctls" same /proc/sys/vm/swappiness
		for dir in /run/ksm-autotune /run/ksm-utils /run /var/lib /root /home; do
			try "write in $dir" touch $dir/ksm-test
		done
		for name in plain filtered; do
			pid=$(sed -n 1p /sys/fs/cgroup/system.slice/$name.service/cgroup.procs)
			try "read $name" ksm-estimate -q -p "$pid"
			try "advise $name" ksm-advise -q -p "$pid"
			try "un-advise $name" ksm-advise -q -d -p "$pid"
		done
		try "check the configuration" ksm-autotune check-config -C /dev/null
		try "look" ksm-autotune -n -c 2 -C /run/t/room/conf
		try "own a namespace" unshare -m true
		try "mount" mount -t tmpfs none /mnt
	END
}

@test "under the restrictions of the unit" {
	run_probe
	says "Seccomp 2"
	says "NoNewPrivs 1"
	says "CapBnd 0000000000280004"
	for can in "set KSM" "write in /run/ksm-autotune" "write in /run/ksm-utils" \
		"read plain" "advise plain" "un-advise plain" "read filtered" \
		"check the configuration" look; do
		says "can $can"
	done
	for cannot in "set huge pages" "set sysctls" "write in /run" \
		"write in /var/lib" "write in /root" "write in /home" \
		"advise filtered" "own a namespace" mount; do
		says "cannot $cannot"
	done
}

@test "with the drop-in, processes that have filters take part" {
	mkdir "$ROOM/units/probe.service.d"
	cp "$FILTERED" "$ROOM/units/probe.service.d/"
	run_probe
	says "Seccomp 0"
	for can in "set KSM" "advise plain" "advise filtered" "un-advise filtered" look; do
		says "can $can"
	done
	# Mounts and capabilities still hold.
	for cannot in "set huge pages" "write in /run" "write in /var/lib" "write in /root"; do
		says "cannot $cannot"
	done
}

# The daemon for real, on the KSM of this machine.
session() {
	cat <<-'END'
		PATH=/run/t/build:$PATH
		ksm=/sys/kernel/mm/ksm
		now() { cat $ksm/run $ksm/sleep_millisecs $ksm/pages_to_scan | tr '\n' ' '; }
		is() { [ "$2" = "$3" ] && echo "yes: $1" || echo "no: $1: $2, not $3"; }
		show() { systemctl show -P "$1" ksm-autotune; }
		found=$(now)
		is "not started by itself" "$(show ActiveState)" inactive
		systemctl start ksm-autotune
		is "ready" "$(show ActiveState)" active
		is "KSM runs" "$(cat $ksm/run)" 1
		case $(show StatusText) in watch*|scan*) echo "yes: its status is the reason" ;; esac
		ksm-autotune verify && echo "yes: verify"
		ksm-autotune status -J | grep -q '"reason"' && echo "yes: status"
		main=$(show MainPID)
		echo interval=7s >>/run/t/room/conf
		systemctl reload ksm-autotune && echo "yes: reload"
		echo interval=soon >>/run/t/room/conf
		systemctl reload ksm-autotune
		is "a bad configuration ends nobody" "$(show ActiveState) $(show MainPID)" "active $main"
		echo '[daemon]' >/run/t/room/conf
		systemctl kill -s KILL ksm-autotune
		i=0
		while [ "$(show ActiveState)" = active ] || [ "$(show SubState)" = stop-post ]; do
			sleep 0.1; i=$((i + 1)); [ $i -lt 200 ] || break
		done
		is "after SIGKILL, settings" "$(now)" "$found"
		systemctl stop ksm-autotune
		systemctl reset-failed ksm-autotune 2>/dev/null
		systemctl start ksm-autotune
		is "ready again" "$(show ActiveState)" active
		systemctl stop ksm-autotune
		is "after stop, settings" "$(now)" "$found"
		is "ended" "$(show Result)" success
		touch /run/t/room/out/done
	END
}

@test "started, reloaded, killed and stopped" {
	command -v systemctl >/dev/null || skip "no systemctl"
	# The lock of tests/kernel/run-host; it ends with this test.
	live_lock || skip "another test has this machine's KSM"
	[[ ${KSM_TEST_MACHINE-} == 1 || $(<"/sys/kernel/mm/ksm/run") == 0 ]] ||
		skip "this machine uses its KSM"
	ksmctl save "$BATS_TEST_TMPDIR/settings"
	printf '[daemon]\ninterval=200ms\n' >"$ROOM/conf"
	session >"$ROOM/session"
	sed -e 's,=[^ ]*/ksm-autotune run,=/run/t/build/ksm-autotune run -C /run/t/room/conf,' \
		-e 's,=[^ ]*/ksm-autotune restore,=/run/t/build/ksm-autotune restore -C /run/t/room/conf,' \
		-e 's/^RestartSec=.*/RestartSec=1h/' -e '/^\[Unit\]/aDefaultDependencies=no' \
		-e '/^ProtectSystem=/aStandardOutput=append:/run/t/room/out/log\nStandardError=inherit' \
		"$BUILT" >"$ROOM/units/ksm-autotune.service"
	unit session.service '[Service]' Type=oneshot 'ExecStart=/bin/sh /run/t/room/session' \
		StandardOutput=file:/run/t/room/out/said StandardError=inherit
	unit trial.target Wants=session.service
	boot
	said=$(cat "$ROOM/out/said" 2>&1)$'\n'$(cat "$ROOM/out/log" 2>&1)
	for what in "not started by itself" ready "KSM runs" "its status is the reason" verify status \
		reload "a bad configuration ends nobody" "after SIGKILL, settings" \
		"ready again" "after stop, settings" ended; do
		says "yes: $what"
	done
	contains "the log" "$said" "the configuration stays as it was"
	expect 0 ksmctl diff "$BATS_TEST_TMPDIR/settings"
}
