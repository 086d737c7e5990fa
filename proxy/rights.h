/* rights.h - what a caller may see besides what everybody may. */
#ifndef PROXY_RIGHTS_H
#define PROXY_RIGHTS_H

#include "config/config.h"
#include "proxy/gate.h"

#include <stdbool.h>

/*
 * Somebody on this machine, talking to us directly: a loopback peer, a Host
 * that is a loopback name or the configured one, nothing that a proxy in
 * between would have added, and not a page of another site in a browser
 * (DNS rebinding and cross-site requests come from loopback too).
 */
bool rights_loopback(const struct config *cfg, const struct conn *c);

/* The admin key, or LiteLLM's master key where none is set; compared in constant time. */
bool rights_admin(const struct config *cfg, struct str key);

/* Who may read /metrics. */
bool rights_metrics(const struct config *cfg, const struct conn *c);

#endif
