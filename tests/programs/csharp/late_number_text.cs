using System;
using System.Globalization;

class LateNumberText
{
    static double half = 2.5; // Mono folds the rounding of a constant, and does so the other way

    static void Main()
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        foreach (double d in new double[] { 0, 1, -1.5, 0.1, 1.0 / 3, 1e10, 1e15, 1e16, 1e-5, 123456.789, double.MaxValue, double.Epsilon, double.NaN, double.PositiveInfinity })
            Console.WriteLine(d + " " + (float)d + " " + d.ToString("R") + " " + d.ToString("F3") + " " + d.ToString("E2"));
        foreach (string s in new string[] { "1.5", "-2e10", " 7 ", "1,234.5", "x", "" })
        {
            double d;
            Console.WriteLine(double.TryParse(s, out d) + " " + d);
        }
        Console.WriteLine(12345.ToString("N0") + " " + 255.ToString("X") + " " + 255.ToString("x8") + " " + 42.ToString("D6") + " " + (-5).ToString("D3"));
        Console.WriteLine(1234.5m + " " + 0.1m * 3 + " " + 1m / 3 + " " + decimal.MaxValue + " " + 1.10m);
        Console.WriteLine(string.Format("{0,8}|{0,-8}|{1:000.00}|{2:C}|{3:P1}", 42, 3.14159, 9.99, 0.256));
        Console.WriteLine(int.Parse("-17") + " " + long.Parse("9223372036854775807") + " " + Convert.ToInt32("ff", 16) + " " + Convert.ToString(10, 2));
        try { int.Parse("99999999999"); } catch (OverflowException) { Console.WriteLine("overflow"); }
        try { int.Parse("12a"); } catch (FormatException) { Console.WriteLine("format"); }
        Console.WriteLine(Math.Round(half) + " " + Math.Round(3.5) + " " + Math.Floor(-1.5) + " " + Math.Pow(2, 0.5) + " " + Math.Sqrt(2) + " " + Math.Sin(1) + " " + Math.Exp(1) + " " + Math.Log(10));
    }
}
