assert total in basket
