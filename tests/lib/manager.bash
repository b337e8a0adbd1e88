# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# manager.bash - a systemd of our own, as root, in namespaces, with units of ours alone,
# and this machine's root directory read-only. The build tree is at /run/t/build in it,
# and $ROOM at /run/t/room.

MANAGER=

# manager_room: $ROOM, with directories for units and for what they leave (out); skips
# where there is no systemd. Called after need_root.
manager_room() {
	local manager

	for manager in /lib/systemd/systemd /usr/lib/systemd/systemd; do
		[[ ! -x $manager ]] || MANAGER=$manager
	done
	[[ $MANAGER ]] || skip "no systemd"
	ROOM=$BATS_TEST_TMPDIR/room
	mkdir -p "$ROOM/units" "$ROOM/out" "$ROOM/cg"
	chmod 755 "$BATS_RUN_TMPDIR" "${BATS_TEST_TMPDIR%/*}" "$BATS_TEST_TMPDIR"
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
