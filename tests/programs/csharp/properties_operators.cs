using System;

struct Fraction
{
    readonly long numerator, denominator;

    public Fraction(long n, long d)
    {
        if (d < 0) { n = -n; d = -d; }
        long g = Gcd(n < 0 ? -n : n, d);
        numerator = g == 0 ? n : n / g;
        denominator = g == 0 ? d : d / g;
    }

    static long Gcd(long a, long b) { return b == 0 ? a : Gcd(b, a % b); }

    public static Fraction operator +(Fraction a, Fraction b) { return new Fraction(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator); }
    public static Fraction operator -(Fraction a, Fraction b) { return a + -b; }
    public static Fraction operator -(Fraction a) { return new Fraction(-a.numerator, a.denominator); }
    public static Fraction operator *(Fraction a, Fraction b) { return new Fraction(a.numerator * b.numerator, a.denominator * b.denominator); }
    public static Fraction operator /(Fraction a, Fraction b) { return new Fraction(a.numerator * b.denominator, a.denominator * b.numerator); }
    public static Fraction operator ++(Fraction a) { return a + 1; }
    public static bool operator <(Fraction a, Fraction b) { return a.numerator * b.denominator < b.numerator * a.denominator; }
    public static bool operator >(Fraction a, Fraction b) { return b < a; }
    public static bool operator ==(Fraction a, Fraction b) { return a.numerator == b.numerator && a.denominator == b.denominator; }
    public static bool operator !=(Fraction a, Fraction b) { return !(a == b); }
    public static implicit operator Fraction(int n) { return new Fraction(n, 1); }
    public static explicit operator int(Fraction f) { return (int)(f.numerator / f.denominator); }
    public static explicit operator string(Fraction f) { return f.ToString(); }
    public static bool operator true(Fraction f) { return f.numerator != 0; }
    public static bool operator false(Fraction f) { return f.numerator == 0; }
    public static bool operator !(Fraction f) { return f.numerator == 0; }
    public override bool Equals(object o) { return o is Fraction && (Fraction)o == this; }
    public override int GetHashCode() { return (int)(numerator * 31 + denominator); }
    public override string ToString() { return numerator + "/" + denominator; }
}

class Matrix
{
    readonly int[] cells;
    public readonly int Size;
    public int Reads { get; private set; }

    public Matrix(int size) { Size = size; cells = new int[size * size]; }

    public int this[int row, int column]
    {
        get { Reads++; return cells[row * Size + column]; }
        set { cells[row * Size + column] = value; }
    }

    public int this[string name]
    {
        get { return this[name[0] - 'a', name[1] - 'a']; }
        set { this[name[0] - 'a', name[1] - 'a'] = value; }
    }

    public static Matrix operator *(Matrix a, Matrix b)
    {
        var c = new Matrix(a.Size);
        for (int i = 0; i < a.Size; i++)
            for (int j = 0; j < a.Size; j++)
                for (int k = 0; k < a.Size; k++)
                    c[i, j] += a[i, k] * b[k, j];
        return c;
    }

    public static Matrix operator ^(Matrix a, int power) { return power == 1 ? a : power % 2 == 0 ? (a * a) ^ (power / 2) : a * (a ^ (power - 1)); }
}

class Celsius
{
    int tenths;
    public int Degrees { get { return tenths / 10; } set { tenths = value * 10; Changes++; } }
    public int Changes { get; protected set; }
    public static int Created { get; private set; }
    public virtual string Name { get; set; }
    public Celsius() { Created++; Name = "celsius"; }
    public static implicit operator Celsius(int d) { return new Celsius { Degrees = d }; }
    public static Celsius operator |(Celsius a, Celsius b) { return a.Degrees > b.Degrees ? a : b; }
}

class PropertiesOperators
{
    static string Truth(Fraction f) { return f ? "true" : "false"; }

    static void Main()
    {
        var half = new Fraction(1, 2);
        var third = new Fraction(2, 6);
        Console.WriteLine(half + third);
        Console.WriteLine(half - third);
        Console.WriteLine(half * third);
        Console.WriteLine(half / third);
        Console.WriteLine(-half + 3);
        Console.WriteLine(1 - new Fraction(7, -3));
        Console.WriteLine((half < third) + " " + (half > third) + " " + (half == new Fraction(5, 10)) + " " + (half != third));
        Console.WriteLine((int)new Fraction(17, 5) + " " + (string)new Fraction(9, 3));
        Console.WriteLine(Truth(half) + " " + Truth(0) + " " + !third + " " + !(half - half));
        Fraction f = 5;
        Fraction old = f++;
        Console.WriteLine(old + " " + f + " " + ++f);
        f += half;
        f *= 2;
        f /= third;
        Console.WriteLine(f);
        Fraction sum = 0;
        for (int i = 1; i <= 15; i++)
            sum += new Fraction(1, i);
        Console.WriteLine(sum);
        Console.WriteLine(half.Equals(new Fraction(3, 6)) + " " + half.GetHashCode());

        var m = new Matrix(2);
        m["aa"] = m["ab"] = m["ba"] = 1;
        Matrix p = m ^ 30;
        Console.WriteLine(p[0, 0] + " " + p["ab"] + " " + p[1, 1] + " " + p.Reads);
        m[1, 1] += 5;
        m["bb"]++;
        Console.WriteLine(m[1, 1]--);
        Console.WriteLine(m[1, 1]);

        Celsius c = 20, d = 30;
        c.Degrees += 5;
        c.Degrees++;
        Console.WriteLine(c.Degrees + " " + c.Changes + " " + (c | d).Degrees + " " + Celsius.Created);
        c.Name += "!";
        Console.WriteLine(c.Name);
        var anonymous = new { X = 5, Text = "anonymous" };
        Console.WriteLine(anonymous.X + anonymous.Text);
    }
}
