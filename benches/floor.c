/* The least any tool must do to know what `sockdoctor list` knows: one sock_diag dump of the same states, one
 * lstat(2) for each path, and, with -p, one walk over /proc/PID/fd. Prints three counts. */
#include <dirent.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static long rows, files, links;

static void row(struct nlmsghdr *header)
{
	struct unix_diag_msg *msg = NLMSG_DATA(header);
	struct nlattr *attr = (struct nlattr *)(msg + 1);
	long left = header->nlmsg_len - NLMSG_LENGTH(sizeof *msg);

	rows++;
	while (left >= (long)sizeof *attr && attr->nla_len >= sizeof *attr && attr->nla_len <= left) {
		char *name = (char *)(attr + 1), path[128];
		int length = attr->nla_len - sizeof *attr;
		struct stat status;
		if (attr->nla_type == UNIX_DIAG_NAME && name[0] && msg->udiag_state != 1) {
			memcpy(path, name, length);
			path[length] = 0;
			files += !lstat(path, &status);
		}
		left -= NLA_ALIGN(attr->nla_len);
		attr = (struct nlattr *)((char *)attr + NLA_ALIGN(attr->nla_len));
	}
}

static void dump(void)
{
	static char buffer[65536];
	struct { struct nlmsghdr header; struct unix_diag_req req; } ask = {
		{ sizeof ask, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 1, 0 },
		{ .sdiag_family = AF_UNIX, .udiag_states = -1,
		  .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN | 0x40 }
	};
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	long got;

	if (fd < 0 || send(fd, &ask, sizeof ask, 0) < 0)
		exit(1);
	while ((got = recv(fd, buffer, sizeof buffer, 0)) > 0)
		for (struct nlmsghdr *h = (void *)buffer; NLMSG_OK(h, got); h = NLMSG_NEXT(h, got)) {
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
				return;
			row(h);
		}
}

static void walk(void)
{
	DIR *proc = opendir("/proc"), *fds;
	struct dirent *pid, *fd;
	char path[64], link[64];

	while (proc && (pid = readdir(proc)))
		if (pid->d_name[0] >= '0' && pid->d_name[0] <= '9') {
			snprintf(path, sizeof path, "/proc/%.16s/fd", pid->d_name);
			if (!(fds = opendir(path)))
				continue;
			while ((fd = readdir(fds)))
				links += readlinkat(dirfd(fds), fd->d_name, link, sizeof link) > 0;
			closedir(fds);
		}
}

int main(int argc, char **argv)
{
	dump();
	if (argc > 1 && !strcmp(argv[1], "-p"))
		walk();
	return printf("%ld rows, %ld files, %ld links\n", rows, files, links) < 0;
}
