"""The people, orders and figures that the sample tools know. All of it is invented."""

CUSTOMERS = {
    "C-1001": {
        "name": "Mira Lind",
        "email": "mira@example.org",
        "country": "FI",
        "plan": "team",
        "since": "2021-04-12",
    },
    "C-1002": {
        "name": "Jo Brandt",
        "email": "jo@example.org",
        "country": "DE",
        "plan": "personal",
        "since": "2024-11-02",
    },
    "C-1003": {
        "name": "Sena Aydin",
        "email": "sena@example.org",
        "country": "NL",
        "plan": "team",
        "since": "2026-01-19",
    },
    "C-1004": {
        "name": "Paul Okoro",
        "email": "paul@example.org",
        "country": "IE",
        "plan": "company",
        "since": "2019-07-30",
    },
}

ORDERS = [
    {"order": "O-5001", "customer": "C-1001", "item": "desk", "amount": 740, "state": "delivered"},
    {"order": "O-5011", "customer": "C-1001", "item": "chair", "amount": 210, "state": "shipped"},
    {"order": "O-5012", "customer": "C-1002", "item": "lamp", "amount": 45, "state": "delivered"},
    {"order": "O-5013", "customer": "C-1003", "item": "shelf", "amount": 160, "state": "paid"},
    {"order": "O-5014", "customer": "C-1004", "item": "desk", "amount": 3700, "state": "paid"},
]

PAYMENTS = {
    "P-7002": {"customer": "C-1001", "order": "O-5001", "amount": 740, "at": "2026-02-03"},
    "P-7003": {"customer": "C-1001", "order": "O-5001", "amount": 740, "at": "2026-02-03"},
    "P-7004": {"customer": "C-1001", "order": "O-5011", "amount": 210, "at": "2026-02-20"},
    "P-7104": {"customer": "C-1002", "order": "O-5012", "amount": 45, "at": "2026-01-15"},
    "P-7201": {"customer": "C-1003", "order": "O-5013", "amount": 160, "at": "2026-02-27"},
    "P-7301": {"customer": "C-1004", "order": "O-5014", "amount": 3700, "at": "2026-02-11"},
}

TICKETS = {
    "C-1001": [{"ticket": "T-301", "about": "charged twice", "state": "open"}],
    "C-1002": [],
    "C-1003": [{"ticket": "T-287", "about": "delivery date", "state": "answered"}],
    "C-1004": [],
}

LOYALTY = {"C-1001": 420, "C-1002": 35, "C-1004": 2210}  # C-1003 has not joined

# Units of the quoted currency for one euro.
RATES = {
    "rates.market": {"USD": 1.0842, "GBP": 0.8411, "SEK": 11.31},
    "rates.daily": {"USD": 1.08, "GBP": 0.84, "SEK": 11.3, "CHF": 0.94, "PLN": 4.27},
    "rates.table": {"USD": 1.05, "CHF": 0.95, "PLN": 4.3, "ISK": 148.0, "NOK": 11.6},
}

SUPPLIERS = {  # price of one item; who does not list it cannot quote
    "north": {"desk": 212.0, "lamp": 31.0, "chair": 96.0, "stool": 44.0},
    "south": {"desk": 205.5, "chair": 99.0, "shelf": 71.0},
    "east": {"lamp": 28.5, "shelf": 66.0},
    "west": {"desk": 219.0, "lamp": 33.0, "chair": 91.0, "shelf": 70.0},
}

TOO_HEAVY = frozenset({"piano"})  # the warehouse does not take these back
SOLD_OUT = frozenset({"hammock"})
BUSY_BANKS = frozenset({"C-1003"})  # they pay a loan out the second time
NO_FILE = frozenset({"C-1005"})  # their credit file comes later, by an event
NO_CUSTOMERS = frozenset({"C-1006"})
LOAN_LIMIT = 100_000.0

FIGURES = {"sales": 1_240_000.0, "costs": 985_000.0, "staff": 34.0}

NOTES = [
    ("delivery", "Parcels leave the warehouse within two working days; desks within five."),
    ("returns", "Goods may come back for thirty days; the refund follows within three."),
    ("invoices", "Companies may pay by invoice within fourteen days after a first paid order."),
    ("opening", "The shop is open on weekdays from nine to six and closed for stocktaking twice."),
    ("warranty", "Furniture has a warranty of five years, lamps of two."),
]
