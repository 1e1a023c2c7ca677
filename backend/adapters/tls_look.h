/* tls_look.h: why a server's TLS is refused, in words for people. HAProxy says of a health check
 * that the handshake failed and no more, so the handshake is done once more here, by the same
 * rules. It may take seconds: the caller has a thread for it. */
#ifndef PITHEAD_BACKEND_ADAPTERS_TLS_LOOK_H
#define PITHEAD_BACKEND_ADAPTERS_TLS_LOOK_H

#include <stddef.h>

/* address: IP:PORT; name: asked for and verified, "" = none; ca: a file of certificates, "" = the
 * machine's; verify 0: any certificate will do. 0 when the handshake succeeds, or fails by what is
 * not TLS; -1 with a sentence in why. */
int tls_look(
	const char *address, const char *name, const char *ca, int verify, char *why, size_t size);

#endif
