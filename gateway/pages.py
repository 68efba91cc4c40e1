"""The plain HTML pages: one frame, escaped values, no script."""

from html import escape
from string import Template

PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
"""`same-origin` and not `no-referrer`: with the latter, browsers send `Origin: null` with forms."""

_FRAME = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title · Gatepost</title>
<link rel="stylesheet" href="/static/pages.css">
<link rel="icon" type="image/svg+xml" href="/static/icon.svg">
</head>
<body>
<main>
<h1>$title</h1>
$body
</main>
</body>
</html>
""")


def page(title: str, body: str) -> str:
    """A whole page. `title` is text; `body` is HTML whose values the caller has escaped."""
    return _FRAME.substitute(title=escape(title), body=body)


def problem_page(message: str, *, code: str, request_id: str) -> str:
    """What went wrong, and the id to ask the operator about."""
    return page(
        "That did not work",
        f"<p>{escape(message)}</p>"
        f'<p class="fine">Reason: <code>{escape(code)}</code> · '
        f"Request: <code>{escape(request_id)}</code></p>"
        '<p><a href="/">Back to the start</a></p>',
    )
