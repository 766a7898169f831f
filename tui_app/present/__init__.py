"""Pure presentation: model + now -> cells; shared by both front ends, knows neither of them."""
