using System;

// More interface methods than an interface method table has slots: some slots must tell several apart.
interface I0 { int A0(int x); int B0(int x); string Name { get; } }
interface I1 { int A1(int x); int B1(int x); string Name { get; } }
interface I2 { int A2(int x); int B2(int x); string Name { get; } }
interface I3 { int A3(int x); int B3(int x); string Name { get; } }
interface I4 { int A4(int x); int B4(int x); string Name { get; } }
interface I5 { int A5(int x); int B5(int x); string Name { get; } }
interface I6 { int A6(int x); int B6(int x); string Name { get; } }
interface I7 { int A7(int x); int B7(int x); string Name { get; } }
interface I8 { int A8(int x); int B8(int x); string Name { get; } }
interface I9 { int A9(int x); int B9(int x); string Name { get; } }
interface I10 { int A10(int x); int B10(int x); string Name { get; } }
interface I11 { int A11(int x); int B11(int x); string Name { get; } }
interface I12 { int A12(int x); int B12(int x); string Name { get; } }
interface I13 { int A13(int x); int B13(int x); string Name { get; } }
interface I14 { int A14(int x); int B14(int x); string Name { get; } }
interface I15 { int A15(int x); int B15(int x); string Name { get; } }
interface I16 { int A16(int x); int B16(int x); string Name { get; } }
interface I17 { int A17(int x); int B17(int x); string Name { get; } }
interface I18 { int A18(int x); int B18(int x); string Name { get; } }
interface I19 { int A19(int x); int B19(int x); string Name { get; } }
interface I20 { int A20(int x); int B20(int x); string Name { get; } }
interface I21 { int A21(int x); int B21(int x); string Name { get; } }
interface I22 { int A22(int x); int B22(int x); string Name { get; } }
interface I23 { int A23(int x); int B23(int x); string Name { get; } }

class All : I0, I1, I2, I3, I4, I5, I6, I7, I8, I9, I10, I11, I12, I13, I14, I15, I16, I17, I18, I19, I20, I21, I22, I23
{
    readonly int seed;
    public All(int seed) { this.seed = seed; }
    public virtual int A0(int x) { return seed + x * 1; }
    int I0.B0(int x) { return seed - x * 2; }
    string I0.Name { get { return "explicit 0"; } }
    public virtual int A1(int x) { return seed + x * 2; }
    public int B1(int x) { return seed - x * 4; }
    public virtual int A2(int x) { return seed + x * 3; }
    public int B2(int x) { return seed - x * 5; }
    string I2.Name { get { return "explicit 2"; } }
    public virtual int A3(int x) { return seed + x * 4; }
    int I3.B3(int x) { return seed - x * 5; }
    public virtual int A4(int x) { return seed + x * 5; }
    public int B4(int x) { return seed - x * 7; }
    string I4.Name { get { return "explicit 4"; } }
    public virtual int A5(int x) { return seed + x * 6; }
    public int B5(int x) { return seed - x * 8; }
    public virtual int A6(int x) { return seed + x * 7; }
    int I6.B6(int x) { return seed - x * 8; }
    string I6.Name { get { return "explicit 6"; } }
    public virtual int A7(int x) { return seed + x * 8; }
    public int B7(int x) { return seed - x * 10; }
    public virtual int A8(int x) { return seed + x * 9; }
    public int B8(int x) { return seed - x * 11; }
    string I8.Name { get { return "explicit 8"; } }
    public virtual int A9(int x) { return seed + x * 10; }
    int I9.B9(int x) { return seed - x * 11; }
    public virtual int A10(int x) { return seed + x * 11; }
    public int B10(int x) { return seed - x * 13; }
    string I10.Name { get { return "explicit 10"; } }
    public virtual int A11(int x) { return seed + x * 12; }
    public int B11(int x) { return seed - x * 14; }
    public virtual int A12(int x) { return seed + x * 13; }
    int I12.B12(int x) { return seed - x * 14; }
    string I12.Name { get { return "explicit 12"; } }
    public virtual int A13(int x) { return seed + x * 14; }
    public int B13(int x) { return seed - x * 16; }
    public virtual int A14(int x) { return seed + x * 15; }
    public int B14(int x) { return seed - x * 17; }
    string I14.Name { get { return "explicit 14"; } }
    public virtual int A15(int x) { return seed + x * 16; }
    int I15.B15(int x) { return seed - x * 17; }
    public virtual int A16(int x) { return seed + x * 17; }
    public int B16(int x) { return seed - x * 19; }
    string I16.Name { get { return "explicit 16"; } }
    public virtual int A17(int x) { return seed + x * 18; }
    public int B17(int x) { return seed - x * 20; }
    public virtual int A18(int x) { return seed + x * 19; }
    int I18.B18(int x) { return seed - x * 20; }
    string I18.Name { get { return "explicit 18"; } }
    public virtual int A19(int x) { return seed + x * 20; }
    public int B19(int x) { return seed - x * 22; }
    public virtual int A20(int x) { return seed + x * 21; }
    public int B20(int x) { return seed - x * 23; }
    string I20.Name { get { return "explicit 20"; } }
    public virtual int A21(int x) { return seed + x * 22; }
    int I21.B21(int x) { return seed - x * 23; }
    public virtual int A22(int x) { return seed + x * 23; }
    public int B22(int x) { return seed - x * 25; }
    string I22.Name { get { return "explicit 22"; } }
    public virtual int A23(int x) { return seed + x * 24; }
    public int B23(int x) { return seed - x * 26; }
    public string Name { get { return "shared"; } }
}

class Some : All, I0, I5, I10, I15, I20
{
    public Some(int seed) : base(seed) { }
    public override int A0(int x) { return base.A0(x) + 1000000; }
    public override int A4(int x) { return base.A4(x) + 1000000; }
    public override int A8(int x) { return base.A8(x) + 1000000; }
    public override int A12(int x) { return base.A12(x) + 1000000; }
    public override int A16(int x) { return base.A16(x) + 1000000; }
    public override int A20(int x) { return base.A20(x) + 1000000; }
    string I0.Name { get { return "again 0"; } }
    string I5.Name { get { return "again 5"; } }
    string I10.Name { get { return "again 10"; } }
    string I15.Name { get { return "again 15"; } }
    string I20.Name { get { return "again 20"; } }
}

class InterfacesMany
{
    static void Show(object o)
    {
        int total = 0;
        string names = "";
        total += ((I0)o).A0(1) * 3 + ((I0)o).B0(0); names += ((I0)o).Name + " ";
        total += ((I1)o).A1(8) * 3 + ((I1)o).B1(1); names += ((I1)o).Name + " ";
        total += ((I2)o).A2(15) * 3 + ((I2)o).B2(2); names += ((I2)o).Name + " ";
        total += ((I3)o).A3(22) * 3 + ((I3)o).B3(3); names += ((I3)o).Name + " ";
        total += ((I4)o).A4(29) * 3 + ((I4)o).B4(4); names += ((I4)o).Name + " ";
        total += ((I5)o).A5(36) * 3 + ((I5)o).B5(5); names += ((I5)o).Name + " ";
        total += ((I6)o).A6(43) * 3 + ((I6)o).B6(6); names += ((I6)o).Name + " ";
        total += ((I7)o).A7(50) * 3 + ((I7)o).B7(7); names += ((I7)o).Name + " ";
        total += ((I8)o).A8(57) * 3 + ((I8)o).B8(8); names += ((I8)o).Name + " ";
        total += ((I9)o).A9(64) * 3 + ((I9)o).B9(9); names += ((I9)o).Name + " ";
        total += ((I10)o).A10(71) * 3 + ((I10)o).B10(10); names += ((I10)o).Name + " ";
        total += ((I11)o).A11(78) * 3 + ((I11)o).B11(11); names += ((I11)o).Name + " ";
        total += ((I12)o).A12(85) * 3 + ((I12)o).B12(12); names += ((I12)o).Name + " ";
        total += ((I13)o).A13(92) * 3 + ((I13)o).B13(13); names += ((I13)o).Name + " ";
        total += ((I14)o).A14(99) * 3 + ((I14)o).B14(14); names += ((I14)o).Name + " ";
        total += ((I15)o).A15(106) * 3 + ((I15)o).B15(15); names += ((I15)o).Name + " ";
        total += ((I16)o).A16(113) * 3 + ((I16)o).B16(16); names += ((I16)o).Name + " ";
        total += ((I17)o).A17(120) * 3 + ((I17)o).B17(17); names += ((I17)o).Name + " ";
        total += ((I18)o).A18(127) * 3 + ((I18)o).B18(18); names += ((I18)o).Name + " ";
        total += ((I19)o).A19(134) * 3 + ((I19)o).B19(19); names += ((I19)o).Name + " ";
        total += ((I20)o).A20(141) * 3 + ((I20)o).B20(20); names += ((I20)o).Name + " ";
        total += ((I21)o).A21(148) * 3 + ((I21)o).B21(21); names += ((I21)o).Name + " ";
        total += ((I22)o).A22(155) * 3 + ((I22)o).B22(22); names += ((I22)o).Name + " ";
        total += ((I23)o).A23(162) * 3 + ((I23)o).B23(23); names += ((I23)o).Name + " ";
        Console.WriteLine(total);
        Console.WriteLine(names);
    }

    static int Loop(object o)
    {
        int total = 0;
        for (int i = 0; i < 50; i++)
        {
            total = total * 3 + ((I0)o).A0(i);
            total = total * 3 + ((I2)o).A2(i);
            total = total * 3 + ((I4)o).A4(i);
            total = total * 3 + ((I6)o).A6(i);
            total = total * 3 + ((I8)o).A8(i);
            total = total * 3 + ((I10)o).A10(i);
            total = total * 3 + ((I12)o).A12(i);
            total = total * 3 + ((I14)o).A14(i);
            total = total * 3 + ((I16)o).A16(i);
            total = total * 3 + ((I18)o).A18(i);
            total = total * 3 + ((I20)o).A20(i);
            total = total * 3 + ((I22)o).A22(i);
        }
        return total;
    }

    static void Main()
    {
        object[] objects = { new All(0), new All(5), new Some(100), new All(-1), new Some(7) };
        foreach (object o in objects)
        {
            Show(o);
            Console.WriteLine(Loop(o));
        }
        Console.WriteLine(((I0)objects[0]).A0(0) + " " + ((I0)objects[1]).B0(0) + " " + ((I0)objects[2]).Name);
        Console.WriteLine(((I1)objects[1]).A1(1) + " " + ((I1)objects[2]).B1(1) + " " + ((I1)objects[3]).Name);
        Console.WriteLine(((I2)objects[2]).A2(2) + " " + ((I2)objects[3]).B2(2) + " " + ((I2)objects[4]).Name);
        Console.WriteLine(((I3)objects[3]).A3(3) + " " + ((I3)objects[4]).B3(3) + " " + ((I3)objects[0]).Name);
        Console.WriteLine(((I4)objects[4]).A4(4) + " " + ((I4)objects[0]).B4(4) + " " + ((I4)objects[1]).Name);
        Console.WriteLine(((I5)objects[0]).A5(5) + " " + ((I5)objects[1]).B5(5) + " " + ((I5)objects[2]).Name);
        Console.WriteLine(((I6)objects[1]).A6(6) + " " + ((I6)objects[2]).B6(6) + " " + ((I6)objects[3]).Name);
        Console.WriteLine(((I7)objects[2]).A7(7) + " " + ((I7)objects[3]).B7(7) + " " + ((I7)objects[4]).Name);
        Console.WriteLine(((I8)objects[3]).A8(8) + " " + ((I8)objects[4]).B8(8) + " " + ((I8)objects[0]).Name);
        Console.WriteLine(((I9)objects[4]).A9(9) + " " + ((I9)objects[0]).B9(9) + " " + ((I9)objects[1]).Name);
        Console.WriteLine(((I10)objects[0]).A10(10) + " " + ((I10)objects[1]).B10(10) + " " + ((I10)objects[2]).Name);
        Console.WriteLine(((I11)objects[1]).A11(11) + " " + ((I11)objects[2]).B11(11) + " " + ((I11)objects[3]).Name);
        Console.WriteLine(((I12)objects[2]).A12(12) + " " + ((I12)objects[3]).B12(12) + " " + ((I12)objects[4]).Name);
        Console.WriteLine(((I13)objects[3]).A13(13) + " " + ((I13)objects[4]).B13(13) + " " + ((I13)objects[0]).Name);
        Console.WriteLine(((I14)objects[4]).A14(14) + " " + ((I14)objects[0]).B14(14) + " " + ((I14)objects[1]).Name);
        Console.WriteLine(((I15)objects[0]).A15(15) + " " + ((I15)objects[1]).B15(15) + " " + ((I15)objects[2]).Name);
        Console.WriteLine(((I16)objects[1]).A16(16) + " " + ((I16)objects[2]).B16(16) + " " + ((I16)objects[3]).Name);
        Console.WriteLine(((I17)objects[2]).A17(17) + " " + ((I17)objects[3]).B17(17) + " " + ((I17)objects[4]).Name);
        Console.WriteLine(((I18)objects[3]).A18(18) + " " + ((I18)objects[4]).B18(18) + " " + ((I18)objects[0]).Name);
        Console.WriteLine(((I19)objects[4]).A19(19) + " " + ((I19)objects[0]).B19(19) + " " + ((I19)objects[1]).Name);
        Console.WriteLine(((I20)objects[0]).A20(20) + " " + ((I20)objects[1]).B20(20) + " " + ((I20)objects[2]).Name);
        Console.WriteLine(((I21)objects[1]).A21(21) + " " + ((I21)objects[2]).B21(21) + " " + ((I21)objects[3]).Name);
        Console.WriteLine(((I22)objects[2]).A22(22) + " " + ((I22)objects[3]).B22(22) + " " + ((I22)objects[4]).Name);
        Console.WriteLine(((I23)objects[3]).A23(23) + " " + ((I23)objects[4]).B23(23) + " " + ((I23)objects[0]).Name);
    }
}
