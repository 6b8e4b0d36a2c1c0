from shop import prices


def total(names):
    # Rounded once, at the end.
    return round(sum(prices.price(name) for name in names), 2)
