/* haproxy_tls.c: of a server whose TLS fails in its health check, what is wrong with it. Looked at
 * in the thread of a `names`: what is looked up there is a line "ADDRESS NAME VERIFY CA". */
#include <stdio.h>
#include <string.h>

#include "backend/adapters/gateway_haproxy_priv.h"
#include "backend/adapters/tls_look.h"
#include "backend/base/xalloc.h"

int haproxy_tls_look(
	void *arg, const char *key, char (*list)[NAMES_ADDRESS], int most, char *why, size_t size)
{
	char copy[NAMES_HOST], *rest = copy, *address, *name, *verify;

	(void)arg;
	must(most > 0);
	str_copy(copy, sizeof copy, key);
	address = strsep(&rest, " ");
	name = strsep(&rest, " ");
	verify = strsep(&rest, " ");
	must(rest);
	str_copy(list[0], NAMES_ADDRESS, "well");
	return tls_look(address, name, rest, strcmp(verify, "1") == 0, why, size) < 0 ? -1 : 1;
}

void haproxy_server_explain(struct haproxy_gateway *h, const struct gateway_server *s,
	struct gateway_server_state *state)
{
	char name[160], ca[HAPROXY_CA_SIZE], key[NAMES_HOST], well[NAMES_ADDRESS], why[NAMES_WHY];
	int n;

	/* It never got as far as TLS, or further than that. */
	if (!state->address[0] || !state->check[0] || strncmp(state->check, "Layer4", 6) == 0 ||
		strncmp(state->check, "Layer7", 6) == 0)
		return;
	if (strncmp(state->check, "Layer6 timeout", 14) == 0) {
		str_copy(state->check, sizeof state->check,
			"TLS: it does not answer the handshake; does it speak TLS?");
		return;
	}
	haproxy_tls_name(s, name, sizeof name);
	if (s->ca)
		haproxy_ca_name(s->ca, ca);
	n = snprintf(key, sizeof key, "%s %s %d %s%s%s", state->address, name, !s->verify_none,
		s->ca ? h->folder : "", s->ca ? "/" : "", s->ca ? ca : "");
	if (n < (int)sizeof key && names_find(h->looks, key, 0, well, why, sizeof why) < 0)
		snprintf(state->check, sizeof state->check, "TLS: %s", why);
}
