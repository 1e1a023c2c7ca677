/* host.h: hosts as people write them: a name, an IPv4 address, or an IPv6 address in brackets. */
#ifndef PITHEAD_BACKEND_BASE_HOST_H
#define PITHEAD_BACKEND_BASE_HOST_H

/* Whether text can be a host. Names may have underscores, as services of containers do. */
int host_is_valid(const char *text);

/* Whether a valid host is an address and no name. */
int host_is_address(const char *text);

#endif
