using System;

struct Point
{
    public int X, Y;
    public void Move() { X += 100; }
    public override string ToString() { return X + ";" + Y; }
}

enum Color : byte { Red = 1, Green = 2, Blue = 200 }

class Boxing
{
    static string TryInt(object o)
    {
        try { return "int " + (int)o; }
        catch (InvalidCastException) { return "invalid cast"; }
        catch (NullReferenceException) { return "null"; }
    }

    static string Describe(object o)
    {
        if (o is int) return "int " + (int)o;
        if (o is uint) return "uint " + (uint)o;
        if (o is long) return "long " + (long)o;
        if (o is byte) return "byte " + (byte)o;
        if (o is short) return "short " + (short)o;
        if (o is char) return "char " + (char)o;
        if (o is bool) return "bool " + (bool)o;
        if (o is double) return "double " + BitConverter.DoubleToInt64Bits((double)o);
        if (o is float) return "float " + (int)((float)o * 100);
        if (o is Color) return "color " + (byte)(Color)o;
        if (o is Point) return "point " + ((Point)o).X;
        if (o is string) return "string " + o;
        return o == null ? "null" : "unknown";
    }

    static object Pick(int i)
    {
        switch (i)
        {
            case 0: return 1;
            case 1: return 2u;
            case 2: return 3L;
            case 3: return (byte)4;
            case 4: return (short)-5;
            case 5: return 'c';
            case 6: return true;
            case 7: return 0.5;
            case 8: return 0.25f;
            case 9: return Color.Blue;
            case 10: return new Point { X = 11 };
            case 11: return "text";
            case 12: return 5UL;
            default: return null;
        }
    }

    static void Main()
    {
        for (int i = 0; i <= 13; i++)
        {
            object o = Pick(i);
            Console.WriteLine(Describe(o) + " | " + TryInt(o) + " | " + (o is IComparable) + " | " + (o is ValueType) + " | " + (o is Enum));
        }

        int x = 5;
        object boxed = x;
        x++;
        Console.WriteLine(x + " " + (int)boxed);
        object again = boxed;
        Console.WriteLine(ReferenceEquals(boxed, again) + " " + ReferenceEquals(boxed, (object)5) + " " + boxed.Equals(5));
        Console.WriteLine(boxed.ToString() + boxed.GetHashCode());

        var p = new Point { X = 1, Y = 2 };
        object boxedPoint = p;
        ((Point)boxedPoint).Move();
        p.Move();
        Console.WriteLine(p + " " + boxedPoint);
        var back = (Point)boxedPoint;
        back.Move();
        Console.WriteLine(back + " " + boxedPoint);
        Func<string> text = p.ToString;
        p.Move();
        Console.WriteLine(text() + " " + p);

        // An enum unboxes as its underlying type and the other way round.
        object color = Color.Green, number = (byte)2;
        Console.WriteLine((byte)color + " " + (int)(Color)number + " " + color.Equals(Color.Green) + " " + color.Equals(number));
        Console.WriteLine((int)(object)DayOfWeek.Monday + (uint)(object)5u);

        object[] mixed = { 1, "two", 3L, 'f', null, new Point(), Color.Red };
        int ints = 0, others = 0;
        foreach (object o in mixed)
            if (o is int) ints += (int)o;
            else others++;
        Console.WriteLine(ints + " " + others);

        long total = 0;
        object box = 0L;
        for (int i = 0; i < 10000; i++)
        {
            box = (long)box + i;
            object small = i;
            total += (int)small;
        }
        Console.WriteLine((long)box == total);
        Console.WriteLine(total);
        IComparable comparable = 10;
        Console.WriteLine(comparable.CompareTo(5) + " " + comparable.CompareTo(10) + " " + comparable.CompareTo(50));
        try { Console.WriteLine(comparable.CompareTo("x")); }
        catch (ArgumentException) { Console.WriteLine("not comparable"); }
    }
}
