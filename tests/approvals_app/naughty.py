"""Texts as an agent, or whoever wrote to it, might send them to mislead or to break a page."""

FAR = "https://pixel.example.net"
NAUGHTY = (
    "<script>alert(1)</script>",
    f'"><img src="{FAR}/a.png" onerror="fetch(\'{FAR}/b\')">',
    f"</textarea></table><iframe src='{FAR}/c'></iframe>",
    f"<style>@import url({FAR}/d.css)</style><link rel=stylesheet href={FAR}/e.css>",
    f'<form action="{FAR}/f"><button name="decision" value="approve" autofocus>Approve</button>',
    "{{ request.user }}{% load ui %}{% csrf_token %}${7*7}#{7*7}",
    "transfer to abc\u202egnp.exe\u202c \u2066hidden\u2069 \u200bzero\u200d\ufeff width",
    "Ω≈ç√∫˜µ 社會科學院 ﷽ العربية תֵּבָה 👩‍👩‍👧‍👦 \u0336strike\u0336 Z̮̞̠͙͔ͅaͫ͑ͭlg̹o",
    "'; DROP TABLE approvals; -- \\ \" ` %00 %n%s ../../etc/passwd",
    "\u0007bell \u001b[31mred\u001b[0m \u2028line\u2029paragraph \u00a0space",
    "=cmd|' /C calc'!A0 @SUM(1+1) +1 -1",
    f"javascript:alert(1) data:text/html,<script src={FAR}/g.js></script>",
)
ALL = " ".join(NAUGHTY)
LONG = ("Overlong " + "x" * 200 + " ") * 240  # above 50 kB
assert len(LONG) > 50_000
