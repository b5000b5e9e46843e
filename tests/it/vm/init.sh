#!/bin/busybox sh
# The first process of the machine that vm/machine.rs boots. The kernel hands over what its command line names:
#   shares   what QEMU offers, by tag: `virtiofs-CACHE`, or a security model of 9p
#   machine  whose process serves them: what is found is told under that name
# All that is found is told on the console, a line of JSON each.
export PATH=/bin TRIAL_DROP_CACHES=1
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
dmesg -n 1
modprobe -a virtio_pci 9pnet_virtio 9p virtiofs unix_diag

# tell CASE COMMAND...: what sockdoctor says. It has time: this machine is slow.
tell() {
  local case=$1 status=0
  shift
  timeout 60 sockdoctor --json --timeout 40s "$@" >/run/document 2>/run/errors </dev/null || status=$?
  [ -s /run/document ] || echo null >/run/document
  printf '{"case":"%s","says":"%s","status":%d,"document":%s}\n' "$case" "$1" $status "$(tr -d '\n' </run/document)"
}

# hold SOCKET: somebody listens there, as soon as he can.
hold() {
  trial --hold "$1" 2>/run/errors &
  holders="$holders $!"
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ -S "$1" ] || ! kill -0 $! 2>/dev/null || usleep 100000
  done
  [ -S "$1" ]
}

# examine CASE DIRECTORY
examine() {
  local case=$1 dir=$2 holders=
  trial "$case/root" "$dir/root"
  trial "$case/user" --uid 1000 "$dir/user"
  tell "$case/root" preflight "$dir/root"
  tell "$case/user" preflight --server user "$dir/user"
  tell "$case/host" inspect "$dir/host.sock"
  if hold "$dir/held" && hold "$dir/other"; then
    tell "$case/held" inspect "$dir/held"
    tell "$case/other" inspect "$dir/other"
    tell "$case/held" list --stale
  fi
  if hold "$dir/gone" && rm "$dir/gone"; then
    tell "$case/gone" inspect "$dir/gone"
  fi
  case $case in
    */mmap | */loose) ;;
    *)
      tell "$case/host" access --uid 1000 --gid 1000 "$dir/host.sock"
      tell "$case/host" probe "$dir/host.sock"
      if [ -S "$dir/held" ]; then
        tell "$case/held" access --uid 1000 --gid 1000 "$dir/held"
        tell "$case/held" probe "$dir/held"
      fi
      ;;
  esac
  kill -9 $holders 2>/dev/null
  wait
  [ ! -S "$dir/held" ] || tell "$case/left" inspect "$dir/held"
}

for share in $(echo "$shares" | tr , ' '); do
  case $share in
    virtiofs-*)
      mount -t virtiofs "$share" /mnt && examine "$machine/$share" /mnt/dir
      umount /mnt
      ;;
    *)
      for cache in none mmap loose; do
        mount -t 9p -o "trans=virtio,version=9p2000.L,msize=131072,cache=$cache" "$share" /mnt &&
          examine "$machine/$share/$cache" "/mnt/$cache"
        umount /mnt
      done
      ;;
  esac
done
echo '{"case":"end"}'
poweroff -f
