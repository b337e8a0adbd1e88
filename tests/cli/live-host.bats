#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# live-host.bats - KSM_HOST: the running host, mounted elsewhere, as a container sees it;
# and the root of the image that is made for that, without a registry and a runtime.

load ../lib/helpers
load advise

setup() {
	need_ksm
	HOST=$BATS_TEST_TMPDIR/host
	mkdir -p "$HOST"
}

# within COMMAND...: with the host mounted below $HOST, in a namespace of mounts that ends.
within() {
	# shellcheck disable=SC2016
	unshare -m bash -ec 'mkdir -p "$0/proc" "$0/sys"
		mount --rbind /proc "$0/proc"
		mount --rbind /sys "$0/sys"
		exec "$@"' "$HOST" "$@"
}

@test "host: what is none is refused" {
	export KSM_HOST=$HOST
	for tool in ksmctl "ksm-estimate -q -p $$" "ksm-advise -p $$" "ksmtop -b -c 1"; do
		# shellcheck disable=SC2086
		expect 1 $tool
		stdout_is ""
		stderr_has "/proc: cannot open: what KSM_HOST names is no host's root"
	done
	# A dump is no host, and a dump is read as one whatever the environment says.
	use_root 6.12-busy
	KSM_HOST=$ROOT expect 1 ksmctl
	stderr_has "what KSM_HOST names is no host's root"
	expect 0 ksmctl get pages_to_scan -s "$ROOT"
	stdout_is 870
	# Nothing is asked for by nothing.
	KSM_HOST='' expect 0 ksmctl get pages_to_scan
}

@test "host: other process numbers are refused" {
	need_root
	need_mounts
	# shellcheck disable=SC2016
	expect 1 within unshare -pf env KSM_HOST="$HOST" ksmctl procs
	stdout_is ""
	stderr_has "proc of other process numbers than ours"
}

@test "host: tools see and change what runs there" {
	need_root
	need_mounts
	need_injection
	target
	is_merging "$spawned" off || skip "merging is on for this shell"
	export KSM_HOST=$HOST
	expect 0 within ksmctl procs -rn -a -p "$spawned" -o PID,USER,STATE,COMMAND
	stdout_is "$spawned 0 off sleep"
	expect 0 within ksmctl get run
	expect 0 within ksm-advise -q -p "$spawned"
	is_merging "$spawned" on
	expect 0 within ksm-estimate -q -rn -p "$spawned" -o PID,COMMAND
	stdout_is "$spawned sleep"
	expect 0 within ksm-advise -q -d -p "$spawned"
	is_merging "$spawned" off
}

@test "host: its absolute links stay on it" {
	need_root
	need_mounts
	mkdir -p "$HOST/var/log" "$HOST/data/pods/shop_web-0_3c1f5f0a-8d7e-4b52-9a61-0f5f2f3c7d11"
	ln -s /data/pods "$HOST/var/log/pods"
	export KSM_HOST=$HOST
	expect 0 within ksmctl dump -q -p $$ --with cgroup "$BATS_TEST_TMPDIR/dump"
	same pods "$(ls "$BATS_TEST_TMPDIR/dump/var/log/pods")" \
		"shop_web-0_3c1f5f0a-8d7e-4b52-9a61-0f5f2f3c7d11"
}

@test "host: the image's root, as a container has it" {
	need_root
	need_mounts
	need_injection
	need_plain
	need_autotune
	[[ -e $KSM_SRCDIR/tools/packaging/kubernetes/collect ]]
	from=$BATS_TEST_TMPDIR/installed
	image=$BATS_TEST_TMPDIR/image
	mkdir -p "$from"/usr/{bin,sbin,share/ksm-utils}
	for name in ksmctl ksm-advise ksm-estimate ksmtop; do
		cp "$KSM_BUILDDIR/$name" "$from/usr/bin/"
	done
	cp "$KSM_BUILDDIR/ksm-autotune" "$from/usr/sbin/"
	"$KSM_SRCDIR/tools/packaging/kubernetes/collect" "$from" "$image"
	HOST=$image/host
	mkdir "$image/proc"
	target
	is_merging "$spawned" off || skip "merging is on for this shell"
	# A runtime mounts the container's own proc, and its root is read-only.
	# shellcheck disable=SC2016
	inside() {
		within bash -ec 'mount --bind "$1" "$1"
			mount --rbind /proc "$1/proc"
			mkdir -p "$1/host/proc" "$1/host/sys"
			mount --rbind /proc "$1/host/proc"
			mount --rbind /sys "$1/host/sys"
			mount -o remount,bind,ro "$1"
			KSM_HOST=/host exec chroot "$@"' - "$image" "$@"
	}
	expect 0 inside /usr/bin/ksmctl procs -rn -a -p "$spawned" -o PID,USER,STATE,COMMAND
	stdout_is "$spawned 0 off sleep"
	expect 0 inside /usr/bin/ksm-advise -q -p "$spawned"
	is_merging "$spawned" on
	expect 0 inside /usr/bin/ksmctl metrics
	stdout_has ksm_page_size_bytes
	was=$(cat /sys/kernel/mm/ksm/{run,pages_to_scan,sleep_millisecs})
	expect 0 inside /usr/sbin/ksm-autotune run --dry-run -c 1
	same "settings" "$(cat /sys/kernel/mm/ksm/{run,pages_to_scan,sleep_millisecs})" "$was"
	# No shell is in it, nor anything else that was not asked for.
	same programs "$(cd "$image" && find . -path ./host -prune -o -type f -perm -100 -path '*bin/*' -print | sort | xargs)" \
		"./usr/bin/ksm-advise ./usr/bin/ksm-estimate ./usr/bin/ksmctl ./usr/bin/ksmtop ./usr/sbin/ksm-autotune"
}
