/* GET /: what there is, for whoever asks; a person's browser is led to the page. */
#include "api/context.h"
#include "api/handlers.h"
#include "base/json_out.h"
#include "http/response.h"
#include "http/server.h"

#include <llhttp.h>

enum step api_root(struct exchange *x) {
    bool has_page = (api_of(x)->kind & API_CLASSIFIER) && exchange_server_opts(x)->page.mode != SERVER_PAGE_OFF;
    if (x->req.takes_html && has_page) return api_page_alias(x);
    struct buf *out = &x->out;
    const char *before = "";
    buf_puts(out, "{\"name\":\"logclass\",\"resources\":[");
    for (unsigned i = 0; i < ROUTE_COUNT; i++) {
        const struct routes_row *r = &routes_all[i];
        if (!(r->kind & api_of(x)->kind)) continue;
        buf_printf(out, "%s{\"method\":\"%s\",\"path\":\"%s\",\"about\":", before,
                   llhttp_method_name((llhttp_method_t)r->route.method), r->route.path);
        json_out_string(out, span_of(r->summary));
        buf_putc(out, '}');
        before = ",";
    }
    buf_puts(out, "]}");
    return response_send(x, 200, RESPONSE_JSON);
}
