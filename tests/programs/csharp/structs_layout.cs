using System;

struct Empty { public int Five() { return 5; } }
struct OneByte { public byte B; }
struct Mixed { public byte A; public long B; public short C; public int D; public char E; public bool F; }
struct Floats { public float X, Y, Z; public double W; }
struct WithReference { public int Before; public string Text; public int After; public object Any; }
struct Inner { public short A; public string B; }
struct Middle { public Inner First; public byte Gap; public Inner Second; }
struct Outer { public Middle M; public Inner I; public long L; }

class Holder
{
    public Mixed Mixed;
    public Outer Outer;
    public OneByte One;
    public Floats Floats;
    public static Outer Static;
    public static Mixed[] Array = new Mixed[2];
}

class StructsLayout
{
    static string Show(Mixed m) { return m.A + " " + m.B + " " + m.C + " " + m.D + " " + m.E + " " + m.F; }
    static string Show(Inner i) { return i.A + ":" + (i.B ?? "null"); }
    static string Show(Outer o) { return Show(o.M.First) + " " + o.M.Gap + " " + Show(o.M.Second) + " " + Show(o.I) + " " + o.L; }

    static Mixed Make(int i)
    {
        Mixed m;
        m.A = (byte)i;
        m.B = i * 10000000000L;
        m.C = (short)-i;
        m.D = i << 20;
        m.E = (char)('a' + i);
        m.F = i % 2 == 0;
        return m;
    }

    static Outer MakeOuter(string s)
    {
        var o = new Outer();
        o.M.First.A = 1;
        o.M.First.B = s + "1";
        o.M.Gap = 250;
        o.M.Second = o.M.First;
        o.M.Second.A++;
        o.I.B = s;
        o.L = -1;
        return o;
    }

    static void Change(Outer o) { o.L = 5; o.M.First.B = "changed"; }
    static void Change(ref Outer o) { o.L = 5; o.M.First.B = "changed"; }

    static void Main()
    {
        Console.WriteLine(new Empty().Five());
        OneByte one = new OneByte { B = 255 };
        one.B++;
        Console.WriteLine(one.B);
        Console.WriteLine(Show(new Mixed()));
        Console.WriteLine(Show(Make(3)));
        Mixed a = Make(4), b = a;
        b.B++;
        b.E = 'z';
        Console.WriteLine(Show(a));
        Console.WriteLine(Show(b));

        Floats f;
        f.X = 1.5f;
        f.Y = f.X * 2;
        f.Z = f.Y - 10;
        f.W = f.X + f.Y + f.Z;
        Console.WriteLine((int)(f.W * 100));

        WithReference w = default(WithReference);
        Console.WriteLine(w.Before + " " + (w.Text == null) + " " + w.After + " " + (w.Any == null));
        w.Text = "text";
        w.Any = w.Text;
        WithReference v = w;
        w.Text = null;
        Console.WriteLine(v.Text + v.Any);

        Outer o = MakeOuter("s");
        Console.WriteLine(Show(o));
        Change(o);
        Console.WriteLine(Show(o));
        Change(ref o);
        Console.WriteLine(Show(o));

        var h = new Holder();
        Console.WriteLine(Show(h.Mixed) + " " + Show(h.Outer));
        h.Mixed = Make(7);
        h.Outer = o;
        h.Outer.I.A = 99;
        h.One.B = 12;
        h.Floats.Z = 2;
        Holder.Static = h.Outer;
        Holder.Static.M.Gap++;
        Holder.Array[1] = h.Mixed;
        Holder.Array[1].D--;
        Console.WriteLine(Show(h.Mixed));
        Console.WriteLine(Show(h.Outer));
        Console.WriteLine(Show(Holder.Static));
        Console.WriteLine(Show(Holder.Array[0]) + " " + Show(Holder.Array[1]));
        Change(ref Holder.Static);
        Change(ref h.Outer);
        Console.WriteLine(Holder.Static.L + h.Outer.L + h.One.B + (int)h.Floats.Z);
        Holder.Static = new Outer();
        Console.WriteLine(Show(Holder.Static));
        Mixed conditional = h.One.B > 5 ? Make(1) : Make(2);
        Console.WriteLine(Show(conditional));
        Console.WriteLine(MakeOuter("direct").M.Second.B + Make(9).E);
    }
}
