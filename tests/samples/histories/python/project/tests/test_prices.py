assert price in prices
