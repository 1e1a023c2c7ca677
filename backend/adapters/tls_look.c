/* tls_look.c: see tls_look.h; a handshake by libcurl, after which nothing is sent. */
#include "backend/adapters/tls_look.h"

#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "backend/base/xalloc.h"

#define LOOK_MS 2000L

/* What libcurl and OpenSSL call it (X509_verify_cert_error_string), and what it means here. */
static const struct {
	const char *has, *means;
} meanings[] = {
	{"certificate has expired", "its certificate has expired"},
	{"not yet valid", "its certificate is not valid yet"},
	{"issuer certificate", "its certificate is of an authority that is not trusted"},
	{"self-signed", "its certificate is of an authority that is not trusted"},
	{"self signed", "its certificate is of an authority that is not trusted"},
	{"verify the first certificate", "its certificate is of an authority that is not trusted"},
	{"revoked", "its certificate was revoked"},
	{"wrong version number", "what listens there speaks no TLS"},
	{"packet length too long", "what listens there speaks no TLS"},
	{"handshake failure", "it refuses the handshake: it may want a certificate of ours"},
	{"certificate required", "it wants a certificate of ours"},
};

static void tell(CURLcode rc, const char *words, const char *name, char *why, size_t size)
{
	const char *said = *words ? words : curl_easy_strerror(rc);

	if (strstr(said, "subject name")) {
		snprintf(why, size, "its certificate is not for %s", name);
		return;
	}
	for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
		if (strstr(said, meanings[i].has)) {
			str_copy(why, size, meanings[i].means);
			return;
		}
	str_copy(why, size, said);
}

static void set_options(CURL *easy, const char *ca, int verify, char *words)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L); /* as the gateway asks */
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, LOOK_MS);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, words);
	if (*ca) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, ca);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
}

int tls_look(
	const char *address, const char *name, const char *ca, int verify, char *why, size_t size)
{
	const char *colon = strrchr(address, ':');
	char words[CURL_ERROR_SIZE] = "", url[320], to[200];
	struct curl_slist *connect_to;
	CURLcode rc;
	CURL *easy;

	if (!colon)
		return 0;
	must(curl_global_init(CURL_GLOBAL_DEFAULT) == 0);
	easy = curl_easy_init();
	must(easy != NULL);
	snprintf(url, sizeof url, "https://%.*s%s/",
		*name ? (int)strlen(name) : (int)(colon - address), *name ? name : address, colon);
	snprintf(to, sizeof to, "::%s", address);
	connect_to = curl_slist_append(NULL, to);
	set_options(easy, ca, verify, words);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_CONNECT_TO, connect_to);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, verify && *name ? 2L : 0L);
	rc = curl_easy_perform(easy);
	curl_easy_cleanup(easy);
	curl_slist_free_all(connect_to);
	curl_global_cleanup();
	if (rc != CURLE_SSL_CONNECT_ERROR && rc != CURLE_PEER_FAILED_VERIFICATION)
		return 0;
	tell(rc, words, name, why, size);
	return -1;
}
