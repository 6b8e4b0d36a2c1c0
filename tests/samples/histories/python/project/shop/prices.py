import csv


def price(name):
    with open("/srv/data") as file:
        return float(dict(csv.reader(file))[name])
